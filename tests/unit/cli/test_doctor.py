"""What `moorage doctor` finds, and when it says that `moorage up` cannot work."""

from __future__ import annotations

import json
import os
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from moorage.cli import doctor
from moorage.platform.toolchain import wanted_pulumi
from tests.unit.engine.test_preflight import answering

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.config_samples import Monorepo


@pytest.fixture
def own(monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch) -> Monorepo:
    """A monorepo on a cluster of the user's own, so that no root and no system packages are needed."""
    contexts = [{"name": "mine", "context": {"cluster": "c", "user": "u"}}]
    monorepo.write("kubeconfig", json.dumps({"contexts": contexts}))
    monorepo.add(
        "Pulumi.dev.yaml",
        "  moorage:cluster: {context: mine, kubeconfig: kubeconfig}\n"
        "  moorage:registry: {address: ghcr.io/acme}\n  moorage:builder: mine\n",
    )
    monkeypatch.setenv("MOORAGE_CACHE", str(monorepo.root / "cache"))
    return monorepo


def found(root: Path, capsys: pytest.CaptureFixture[str], stack: str = "dev") -> tuple[int, str]:
    status = doctor.show(root, stack)
    return status, capsys.readouterr().out


def test_go_is_all_that_an_empty_machine_needs_for_a_cluster_of_ones_own(
    own: Monorepo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shutil.which("go"), "the tests of the toolchain builder need Go as well"
    _, text = found(own.root, capsys)
    assert "your own cluster, registry and builder" in text
    assert "`moorage up` builds" in text
    assert "system packages" not in text


def test_a_cluster_registry_and_builder_that_do_not_answer_stop_it_each_with_its_remedy(
    own: Monorepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        contexts = [{"name": "mine", "context": {"cluster": "c", "user": "u"}}]
        clusters = [{"name": "c", "cluster": {"server": f"https://{address}"}}]
        own.write("kubeconfig", json.dumps({"contexts": contexts, "clusters": clusters}))
        own.change("Pulumi.dev.yaml", "ghcr.io/acme", f"{address}/acme")
        monkeypatch.setenv("BUILDX_CONFIG", str(own.root / "buildx"))
        status, text = found(own.root, capsys)
    assert status == 1
    told = {line.split()[1]: line for line in text.splitlines() if line.startswith("✗")}
    assert told.keys() >= {"cluster", "registry", "builder"}
    assert "the cluster does not answer" in told["cluster"]
    assert "context" in told["cluster"], "the remedy"
    assert "check registry.address" in told["registry"]
    assert "docker buildx create --name mine" in told["builder"]


def test_all_three_that_answer_are_found(
    own: Monorepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    instances = own.root / "buildx" / "instances"
    instances.mkdir(parents=True)
    monkeypatch.setenv("BUILDX_CONFIG", str(instances.parent))
    with answering(200) as address:
        contexts = [{"name": "mine", "context": {"cluster": "c", "user": "u"}}]
        clusters = [{"name": "c", "cluster": {"server": f"http://{address}"}}]
        own.write("kubeconfig", json.dumps({"contexts": contexts, "clusters": clusters}))
        own.change("Pulumi.dev.yaml", "ghcr.io/acme", f"{address}/acme")
        (instances / "mine").write_text(json.dumps({"Nodes": [{"Endpoint": f"tcp://{address}"}]}))
        _, text = found(own.root, capsys)
    found_well = {line.split()[1] for line in text.splitlines() if line.startswith("✓")}
    assert found_well >= {"cluster", "registry", "builder", "secrets"}


def test_without_buildx_there_is_no_builder_to_ask(
    own: Monorepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(own.root))
    status, text = found(own.root, capsys)
    assert status == 1
    (line,) = [line for line in text.splitlines() if " buildx " in line and "missing" in line]
    assert line.startswith("✗")
    assert "install" in line


def test_an_empty_passphrase_stops_it(
    own: Monorepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    status, text = found(own.root, capsys)
    assert status == 1
    assert "the passphrase of the stack's secrets is empty" in text


def test_a_missing_go_stops_it(
    own: Monorepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(own.root))
    status, text = found(own.root, capsys)
    assert status == 1
    assert "https://go.dev/doc/install" in text
    assert "to fix before" in text


def test_a_stack_with_mistakes_stops_it_and_shows_the_first(own: Monorepo, capsys: pytest.CaptureFixture[str]) -> None:
    own.change("apps/backend/service.yaml", "needs: [postgres, redis]", "needs: [postgers]  # [/red]")
    own.change("apps/worker/service.yaml", "[redis, backend]", "[reddis]")
    status, text = found(own.root, capsys)
    assert status == 1
    assert "2 problems" in text
    assert "did you mean postgres?" in text
    assert "needs: [postgers]  # [/red]" in text  # and not taken for markup


def test_an_unknown_stack_stops_it(own: Monorepo, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = found(own.root, capsys, "dve")
    assert status == 1
    assert "1 problem " in text
    assert "did you mean dev?" in text


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("MOORAGE_TOOLCHAIN=sytem", "one of auto, system, build"),
        ("MOORAGE_TOOLCHAIN=system", "no pulumi is on PATH"),
        ("MOORAGE_REGISTRY_PORT=five thousand", "is not a port"),
    ],
)
def test_a_variable_without_sense_is_a_finding_and_does_not_end_the_list(
    own: Monorepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, said: str
) -> None:
    monkeypatch.setenv(*variable.split("=", 1))
    monkeypatch.setenv("PATH", str(own.root))
    status, text = found(own.root, capsys)
    assert status == 1
    assert said in text
    assert "to fix" in text


def test_the_embedded_platform_asks_for_root_packages_and_space(
    monorepo: Monorepo, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text = found(monorepo.root, capsys)
    for name in ("root", "system packages", "disk", "kernel", "platform"):
        assert f" {name} " in text
    assert "stopped" in text


def test_another_pulumi_is_named_with_the_one_that_is_wanted(
    own: Monorepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "path").mkdir()
    pulumi = tmp_path / "path" / "pulumi"
    pulumi.write_text("#!/bin/sh\necho v3.187.0\n")
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{pulumi.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("MOORAGE_TOOLCHAIN", raising=False)
    _, text = found(own.root, capsys)
    assert "Pulumi 3.187.0" in text
    assert f"{wanted_pulumi()} is wanted" in text
