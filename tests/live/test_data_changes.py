"""What an update would do to data is refused before it happens, until it is acknowledged by name."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from moorage.policy.changes import CONFIG_KEY
from moorage.policy.state import deployed
from tests.support.program import PROJECT, STACK, Program
from tests.support.stack import moorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.live

Manifest = dict[str, Any]
SPACE = f"holds-data-{os.getpid()}"
DELETED, CHANGED = "disallow-deletion-of-data", "disallow-risky-changes-of-data"
DELETION = "delete:PersistentVolumeClaim/archive"
CHANGES = {DELETION, "replace:StatefulSet/db", "shrink:PersistentVolumeClaim/uploads"}


def claim(size: str) -> Manifest:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}


def named(version: str, kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def objects(*, service: str = "db", uploads: str = "2Gi", archive: bool = True) -> dict[str, Manifest]:
    """Return a database without pods, which takes no time, and one or two claims."""
    labels = {"app": "db"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "db", "image": "registry.example.com/db:1"}]},
    }
    database = {
        "replicas": 0,
        "serviceName": service,
        "selector": {"matchLabels": labels},
        "template": template,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim("1Gi")}],
    }
    found = {
        "space": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        "db": named("apps/v1", "StatefulSet", "db", database),
        "uploads": named("v1", "PersistentVolumeClaim", "uploads", claim(uploads)),
    }
    if archive:
        found["archive"] = named("v1", "PersistentVolumeClaim", "archive", claim("1Gi"))
    return found


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program whose database and claims are there."""
    moorage("platform", "start")
    found = Program.new(tmp_path_factory.mktemp("program"), enforced=(DELETED, CHANGED))
    found.declare(objects())
    try:
        result = found.up()
        assert result.returncode == 0, result.stdout + result.stderr
        yield found
    finally:
        result = found.run("destroy", "--yes", "--skip-preview")
        assert result.returncode == 0, result.stdout + result.stderr


def versions(program: Program) -> dict[str, tuple[str, str]]:
    """Return identity and version of what holds data in the cluster."""
    command = ["kubectl", "--namespace", SPACE, "get", "statefulsets,persistentvolumeclaims", "--output=json"]
    result = subprocess.run(command, env=dict(program.environment), capture_output=True, text=True, check=True)
    metadata = [(item["kind"], item["metadata"]) for item in json.loads(result.stdout)["items"]]
    return {f"{kind}/{found['name']}": (found["uid"], found["resourceVersion"]) for kind, found in metadata}


def refused(result: subprocess.CompletedProcess[str]) -> set[str]:
    """Return the changes that a message asks to acknowledge."""
    text = result.stdout + result.stderr
    assert "Traceback" not in text
    return {part.partition("'")[0] for part in text.split("acknowledge with '")[1:]}


def test_what_would_lose_data_is_refused_in_preview_and_update_until_each_change_is_acknowledged(
    program: Program,
) -> None:
    before = versions(program)
    assert before.keys() == {"StatefulSet/db", "PersistentVolumeClaim/uploads", "PersistentVolumeClaim/archive"}
    program.declare(objects(service="other", uploads="1Gi", archive=False))
    for result in (program.run("preview"), program.up()):
        assert result.returncode != 0
        assert refused(result) == CHANGES
        assert "would shrink from 2Gi to 1Gi" in result.stdout
        assert f"PersistentVolumeClaim/archive in {SPACE}: the object holds data and would be deleted" in result.stdout
    for acknowledged in CHANGES:
        program.configure({CONFIG_KEY: [acknowledged]})
        assert refused(program.up()) == CHANGES - {acknowledged}
    assert versions(program) == before, "nothing was touched"
    program.configure({CONFIG_KEY: sorted(CHANGES)})
    preview = program.run("preview")
    assert preview.returncode == 0, preview.stdout
    assert refused(preview) == set()


def test_what_goes_is_told_from_what_is_no_target_also_after_a_refresh(program: Program) -> None:
    program.configure({})
    program.declare(objects(archive=False))
    preview = program.run("preview", "--refresh")
    assert preview.returncode != 0
    assert refused(preview) == {DELETION}
    program.declare(objects())
    preview = program.run("preview", "--refresh", "--target", "**::db")
    assert preview.returncode == 0, preview.stdout
    assert refused(preview) == set()


def test_an_acknowledged_change_happens(program: Program) -> None:
    before = versions(program)
    program.configure({CONFIG_KEY: [DELETION, "replace:StatefulSet/db"]})
    program.declare(objects(service="other", archive=False))
    update = program.up()
    assert update.returncode == 0, update.stdout
    after = versions(program)
    assert after.keys() == before.keys() - {"PersistentVolumeClaim/archive"}
    assert after["StatefulSet/db"][0] != before["StatefulSet/db"][0], "another object"
    assert after["PersistentVolumeClaim/uploads"] == before["PersistentVolumeClaim/uploads"]


def test_a_state_that_is_no_folder_of_the_packs_own_is_asked_of_pulumi(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    variable = "PULUMI_BACKEND_URL"
    url = program.environment[variable]
    program.describe(backend={"url": url})
    program.configure({})
    program.declare({name: item for name, item in objects(service="other").items() if name != "uploads"})
    preview = program.run("preview", without=[variable])
    assert preview.returncode != 0
    assert refused(preview) == {"delete:PersistentVolumeClaim/uploads"}

    for name, value in program.environment.items():
        monkeypatch.setenv(name, value)
    in_folder = deployed(PROJECT, STACK)
    monkeypatch.delenv(variable)
    monkeypatch.chdir(program.folder)
    assert deployed(PROJECT, STACK, "organization") == in_folder
    monkeypatch.setenv("PATH", str(tmp_path))
    assert deployed(PROJECT, STACK, "organization") is None, "it was Pulumi that answered"
