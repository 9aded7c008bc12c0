"""Backups of a database under writes, and restores of it: what was deleted comes back, what was kept stays."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from moorage.platform.layout import HOST_ADDRESS
from tests.support.checkout import Checkout
from tests.support.stack import eventually, moorage
from tests.support.tools import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live

STACK = "backups"
BUCKET = "harbour-backups"
STORE_PORT = 7480
KEYS = {
    "offsiteAccessKey": "key-of-the-store",
    "offsiteSecretKey": "canary-secret-of-the-store",
    "offsitePassphrase": "canary-passphrase",
}
OFF = {"run": False}


class Database:
    """The database of a checkout's stack."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout

    def sql(self, text: str) -> str:
        """Run statements as the superuser, who comes by the pod's socket; return what they print."""
        psql = ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "harbour", "-c", text)
        return self.checkout.kubectl("exec", "postgres-0", "--container=postgres", "--", *psql).strip()

    def moorage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of ``moorage data``."""
        command, *rest = words
        return moorage("data", command, STACK, *rest, cwd=self.checkout.root, check=check)

    def settings(self) -> dict[str, object]:
        """Return what the stack's file says of Postgres."""
        text = (self.checkout.root / f"Pulumi.{STACK}.yaml").read_text()
        found: dict[str, object] = yaml.safe_load(text)["config"]["moorage:postgres"]
        return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a bucket of an S3 store that pods reach at the host's address."""
    moorage("platform", "start")
    folder = tmp_path_factory.mktemp("store")
    (folder / BUCKET).mkdir()
    address = f"{HOST_ADDRESS}:{STORE_PORT}"
    keys = {"ROOT_ACCESS_KEY": KEYS["offsiteAccessKey"], "ROOT_SECRET_KEY": KEYS["offsiteSecretKey"]}
    command = [path_of("versitygw"), "--port", address, "--quiet", "posix", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | keys, stdout=log, stderr=log)
    try:
        eventually(lambda: answers(address) or process.poll() is not None, seconds=20, what="the S3 store")
        assert process.poll() is None, (folder / "log").read_text()
        yield folder / BUCKET
    finally:
        process.terminate()
        process.wait(timeout=20)


def answers(address: str) -> bool:
    """Return whether somebody listens."""
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def database(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A stack of the backend alone, whose database has backups, copies of them, and 1,000 rows."""
    assert store.is_dir()
    checkout = Checkout.copied(tmp_path_factory.mktemp("backups"), STACK)
    path = checkout.root / f"Pulumi.{STACK}.yaml"
    settings = yaml.safe_load(path.read_text())
    services = settings["config"]["moorage:services"]
    services |= {"frontend": OFF, "worker": OFF, "backend": {**services["backend"], "replicas": 1}}
    offsite = {"endpoint": f"http://{HOST_ADDRESS}:{STORE_PORT}", "bucket": BUCKET}
    backup = {"storage": "3Gi", "keepDays": 1, "offsite": offsite}
    settings["config"]["moorage:postgres"] = {"database": "harbour", "storage": "1Gi", "backup": backup}
    path.write_text(yaml.safe_dump(settings))
    for key, value in KEYS.items():
        checkout.pulumi("config", "set", "--secret", f"moorage:{key}", value, "--stack", STACK)
    try:
        moorage("up", STACK, cwd=checkout.root)
        found = Database(checkout)
        found.sql("CREATE TABLE crates AS SELECT n, md5(n::text) AS mark FROM generate_series(1, 1000) AS n")
        yield found
    finally:
        checkout.down()


def count(database: Database) -> tuple[int, str]:
    """Return number and checksum of the rows."""
    number, _, checksum = database.sql("SELECT count(*), md5(string_agg(mark, '' ORDER BY n)) FROM crates").partition(
        "|"
    )
    return int(number), checksum


def test_a_first_full_backup_is_made_by_itself_and_an_incremental_one_on_demand(database: Database) -> None:
    eventually(lambda: "-full" in database.moorage("list", check=False).stdout, seconds=60, what="a full backup")
    database.moorage("backup")
    listed = database.moorage("list").stdout
    assert "-incremental" in listed
    assert "log is received as it is written" in listed
    assert "no restore was ever rehearsed" in listed


def test_a_rehearsal_restores_the_newest_backup_and_touches_nothing(database: Database) -> None:
    before = count(database)
    said = database.moorage("verify")
    assert "rehearsed in" in said.stderr + said.stdout
    assert "last rehearsed" in database.moorage("list").stdout
    assert count(database) == before
    left = database.checkout.kubectl("exec", "postgres-0", "-c", "backup", "--", "sh", "-c", "echo /backups/.re*")
    assert left.strip() == "/backups/.re*"


def test_a_time_before_all_backups_is_refused_and_the_database_serves_on(database: Database) -> None:
    path = database.checkout.root / f"Pulumi.{STACK}.yaml"
    before = path.read_text()
    for words, said in (
        (("--at", "2999-01-01T00:00:00Z"), "has not come yet"),
        (("--at", "yesterday"), "is not a time"),
        (("--into", "data"), "new volume"),
    ):
        refused = database.moorage("restore", "--yes", *words, check=False)
        assert refused.returncode == 1
        assert said in refused.stdout + refused.stderr
    assert path.read_text() == before
    try:
        failed = database.moorage("restore", "--yes", "--into", "toosoon", "--at", "2020-01-01T00:00:00Z", check=False)
        assert failed.returncode != 0
        assert "no backup of volume data that had ended by" in failed.stdout + failed.stderr
        assert count(database)[0] == 1000
    finally:
        path.write_text(before)


def test_deleted_rows_come_back_as_of_a_second_and_the_old_volume_stays(database: Database) -> None:
    database.sql("INSERT INTO crates SELECT n, md5(n::text) FROM generate_series(1001, 1500) AS n")
    before = count(database)
    instant = dt.datetime.fromisoformat(database.sql("SELECT clock_timestamp()"))
    database.sql("DELETE FROM crates WHERE n % 2 = 0")
    database.moorage("restore", "--yes", "--into", "second", "--at", instant.isoformat())
    assert count(database) == before
    restore = database.settings()["restore"]
    assert isinstance(restore, dict)
    assert (restore["volume"], restore["fromVolume"]) == ("second", "data")
    claims = json.loads(database.checkout.kubectl("get", "persistentvolumeclaims", "--output=json"))["items"]
    names = {item["metadata"]["name"] for item in claims}
    assert {"data-postgres-0", "postgres-second", "postgres-backups"} <= names
    # It is backed up under its new name from its first minute on.
    eventually(
        lambda: " second " in database.moorage("list", check=False).stdout,
        seconds=60,
        what="a backup of the new volume",
    )


def test_after_a_restore_an_update_changes_nothing(database: Database) -> None:
    uid = database.checkout.kubectl("get", "pod", "postgres-0", "--output=jsonpath={.metadata.uid}")
    moorage("up", STACK, cwd=database.checkout.root)
    assert database.checkout.kubectl("get", "pod", "postgres-0", "--output=jsonpath={.metadata.uid}") == uid
    assert count(database)[0] == 1500


def test_a_database_that_no_node_can_run_is_refused_before_anything_is_touched(database: Database) -> None:
    path = database.checkout.root / f"Pulumi.{STACK}.yaml"
    before = path.read_text()
    settings = yaml.safe_load(before)
    amounts = {"cpu": "500", "memory": "256Mi"}
    settings["config"]["moorage:postgres"]["resources"] = {"requests": amounts, "limits": amounts}
    try:
        path.write_text(yaml.safe_dump(settings))
        refused = moorage("up", STACK, cwd=database.checkout.root, check=False)
        assert refused.returncode == 1
        assert "no node has room for postgres" in refused.stdout + refused.stderr
        settings["config"]["moorage:postgres"].pop("resources")
        settings["config"]["moorage:postgres"]["storage"] = "2Gi"
        path.write_text(yaml.safe_dump(settings))
        refused = moorage("up", STACK, cwd=database.checkout.root, check=False)
        assert refused.returncode == 1
        assert "cannot grow to 2Gi" in refused.stdout + refused.stderr
        assert count(database)[0] == 1500
    finally:
        path.write_text(before)


def test_after_the_loss_of_the_namespace_everything_copied_comes_back(database: Database, store: Path) -> None:
    database.sql("INSERT INTO crates SELECT n, md5(n::text) FROM generate_series(1501, 2000) AS n")
    before = count(database)
    written = database.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    # The log's file that holds the last row, copied after it was written.
    at = float(database.sql("SELECT extract(epoch FROM clock_timestamp())"))

    def copied() -> bool:
        files = [path for path in store.rglob(f"{written}*") if path.is_file()]
        return any(path.stat().st_mtime > at for path in files)

    eventually(copied, seconds=90, what="a copy of the last row")
    for path in store.rglob("*"):
        assert not path.is_file() or path.read_bytes()[:8] == b"RCLONE\0\0", f"{path} is not encrypted"
    database.checkout.kubectl("delete", "namespace", f"harbour-{STACK}", "--wait=true")
    database.moorage("restore", "--yes", "--into", "third")
    assert count(database) == before
