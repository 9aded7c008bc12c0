"""``moorage affected`` and ``moorage why`` as they are typed, against the state of a stack in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from moorage.base.errors import MoorageError
from moorage.build.digests import Inputs
from moorage.build.record import image_record, workload_record
from moorage.cli.main import app
from moorage.config.loader import load_project
from tests.unit.change_samples import put
from tests.unit.program_samples import SERVICES, write_monorepo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A monorepo whose stack dev came up as it is, with its state in this checkout."""
    write_monorepo(tmp_path, "dev", {"ingress": {"host": "harbour.example"}}, SERVICES)
    put(tmp_path, "__main__.py", "")
    put(tmp_path, "apps/worker/main.txt", "first")
    put(tmp_path, "apps/worker/Dockerfile.dockerignore", "*\n!apps/worker/main.txt\n")
    project = load_project(tmp_path, "dev")
    resources: list[dict[str, Any]] = []
    for node, inputs in Inputs(project).all().items():
        name = node.name if node.kind.value == "apps" else f"base-{node.name}"
        outputs = {"inputs": image_record(inputs).to_json()}
        resources.append({"type": "moorage:image:ServiceImage", "urn": f"urn:x::{name}", "outputs": outputs})
    kinds = {"postgres": "moorage:postgres:PostgresDatabase", "redis": "moorage:redis:RedisCache"}
    for name in (*project.running, *kinds):
        kind = kinds.get(name, "moorage:service:Service")
        outputs = {"settings": workload_record(project, name)}
        resources.append({"type": kind, "urn": f"urn:x::{name}", "outputs": outputs})
    state = tmp_path / ".moorage" / "state" / ".pulumi" / "stacks" / "harbour" / "dev.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_CREDENTIALS_PATH", raising=False)
    return tmp_path


def output(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_nothing_is_affected_where_nothing_changed(deployed: Path) -> None:
    assert json.loads(output("affected", "--json")) == {
        "stack": "dev",
        "since": None,
        "images": [],
        "services": [],
        "stores": [],
    }
    told = " ".join(output("why", "worker").split())
    assert "worker would not be rebuilt: its 2 files" in told
    assert "worker would not be redeployed" in told


def test_a_changed_file_is_told_with_its_way_to_the_workload(deployed: Path) -> None:
    put(deployed, "apps/worker/main.txt", "second")
    found = json.loads(output("affected", "--json"))
    (service,) = found["services"]
    assert service == {
        "name": "worker",
        "rebuilt": True,
        "redeployed": True,
        "chains": [["apps/worker/main.txt", "apps/worker", "image worker", "Deployment worker"]],
    }
    assert "apps/worker/main.txt → apps/worker → image worker → Deployment worker" in output("affected")
    told = " ".join(output("why", "worker").split())
    assert "worker would be rebuilt: apps/worker/main.txt changed" in told


def test_a_changed_setting_of_a_data_store_is_told_as_well(deployed: Path) -> None:
    settings = deployed / "Pulumi.dev.yaml"
    settings.write_text(settings.read_text() + "  moorage:postgres:\n    maxConnections: 50\n")
    (store,) = json.loads(output("affected", "--json"))["stores"]
    assert (store["name"], store["rebuilt"]) == ("postgres", False)
    assert "setting maxConnections 100 → 50" in output("why", "postgres")


def test_an_unknown_service_is_an_error_that_names_the_known_ones(deployed: Path) -> None:
    with pytest.raises(MoorageError, match="there is no service nobody") as caught:
        output("why", "nobody")
    assert all(name in str(caught.value) for name in ("backend", "worker", "frontend", "postgres", "redis"))
