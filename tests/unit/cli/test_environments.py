"""Environments for a while: the settings that are written, and what is deleted in the end."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from moorage.base.errors import MoorageError
from moorage.cli import environments, reaping
from moorage.cli.environments import Wanted, describe, is_written_by_us
from moorage.config.ephemeral import EXPIRES_LABEL, label_of
from moorage.engine import kubectl, pulumi, stacks
from moorage.engine.state import Resource, State
from moorage.platform import toolchain
from tests.unit.session_samples import session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.config_samples import Monorepo

NOW = dt.datetime.now(dt.UTC)


def settings(monorepo: Monorepo, stack: str = "pr-7") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((monorepo.root / f"Pulumi.{stack}.yaml").read_text())
    return found


def test_an_environment_is_its_basis_with_a_host_a_time_and_rules_of_its_own(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", "  moorage:namespace: fixed\n  moorage:protect: true\n  policy:stage: prod\n")
    describe(monorepo.root, Wanted(stack="pr-7", basis="dev", ttl="2h"))
    config = settings(monorepo)["config"]
    assert config["moorage:ingress"] == {"host": "pr-7.harbour.localhost"}
    assert (config["moorage:protect"], config["moorage:stage"]) == (False, "development")
    assert not {"moorage:namespace", "policy:stage"} & config.keys()
    assert config["aws:region"] == "eu-north-1"
    project = monorepo.load("pr-7")
    assert project.namespace == "harbour-pr-7"
    assert project.development
    ephemeral = project.settings.ephemeral
    assert ephemeral is not None
    assert ephemeral.lives
    assert ephemeral.stack == "dev"


def test_its_time_begins_again_with_each_update_and_is_that_of_the_basis_unless_told(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", "  moorage:ephemeral: {ttl: 5h}\n")
    ends = []
    for ttl in ("1d", None):
        describe(monorepo.root, Wanted(stack="pr-7", basis="dev", ttl=ttl))
        ends.append(monorepo.load("pr-7").settings.ephemeral)
    hours = [round((environments_end(one) - NOW).total_seconds() / 3600) for one in ends]
    assert hours == [24, 5]


def environments_end(ephemeral: Any) -> dt.datetime:
    return dt.datetime.fromisoformat(ephemeral.expires_at)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(stack="dev", basis="dev"), "dev is a stack that is there to stay"),
        (Wanted(stack="prod", basis="dev"), "prod is a stack that is there to stay"),
        (Wanted(stack="Pr_7", basis="dev"), "Pr_7 cannot be the name of an environment"),
        (Wanted(stack="7", basis="dev"), "cannot be the name"),
        (Wanted(stack="a" * 41, basis="dev"), "cannot be the name"),
        (Wanted(stack="../x", basis="dev"), "cannot be the name"),
        (Wanted(stack="pr-7", basis="nowhere"), "there is no stack nowhere"),
        (Wanted(stack="pr-7", basis="pr-8"), "pr-8 is itself an environment for a while"),
        (Wanted(stack="pr-7", basis="dev", ttl="1y"), "1y is not a time to live"),
    ],
)
def test_what_cannot_become_an_environment_is_one_clear_error(wanted: Wanted, said: str, monorepo: Monorepo) -> None:
    monorepo.write("Pulumi.prod.yaml", (monorepo.root / "Pulumi.dev.yaml").read_text())
    describe(monorepo.root, Wanted(stack="pr-8", basis="dev"))
    before = {path: path.read_text() for path in monorepo.root.glob("Pulumi.*")}
    with pytest.raises(MoorageError) as raised:
        describe(monorepo.root, wanted)
    assert said in str(raised.value)
    assert {path: path.read_text() for path in monorepo.root.glob("Pulumi.*")} == before


def test_a_secret_goes_with_the_key_that_it_was_encrypted_with(monorepo: Monorepo) -> None:
    monorepo.add("Pulumi.dev.yaml", "  moorage:token: {secure: v1:x}\n")
    describe(monorepo.root, Wanted(stack="pr-7", basis="dev"))
    assert settings(monorepo)["encryptionsalt"] == "v1:abc"
    assert settings(monorepo)["config"]["moorage:token"] == {"secure": "v1:x"}


def test_a_secret_whose_key_is_in_the_state_is_encrypted_again_and_seen_by_nobody(
    monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monorepo.change("Pulumi.dev.yaml", "encryptionsalt: v1:abc\n", "")
    monorepo.change("apps/backend/service.yaml", "needs:", "secrets: {TOKEN: token}\nneeds:")
    monorepo.add("Pulumi.dev.yaml", "  moorage:token: {secure: v1:x}\n")
    asked: list[tuple[list[str], str | None]] = []

    def run(_: Any, arguments: list[str], *, given: str | None = None) -> subprocess.CompletedProcess[str]:
        asked.append((arguments, given))
        return subprocess.CompletedProcess(arguments, 0, "", "")

    monkeypatch.setattr(toolchain, "ensure", lambda *_, **__: 0)
    monkeypatch.setattr(stacks, "ensure", lambda _: None)
    monkeypatch.setattr(pulumi, "output", lambda *_: "hush\n")
    monkeypatch.setattr(pulumi, "run", run)
    describe(monorepo.root, Wanted(stack="pr-7", basis="dev"))
    assert asked == [(["config", "set", "--secret", "moorage:token", "--stack", "pr-7"], "hush")]
    assert "hush" not in (monorepo.root / "Pulumi.pr-7.yaml").read_text() + "".join(capsys.readouterr())


def state(label: str | None) -> State:
    labels = {} if label is None else {EXPIRES_LABEL: label}
    inputs = {"metadata": {"name": "n", "labels": labels}}
    return State((Resource(urn="u", type="kubernetes:core/v1:Namespace", inputs=inputs),))


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch, monorepo: Monorepo) -> list[str]:
    """Stand for a backend of four stacks: dev, an environment past its time, a young one, and a broken one."""
    found: list[str] = []
    past, later = (label_of(NOW + dt.timedelta(hours=hours)) for hours in (-1, 1))
    states = {"dev": state(None), "pr-1": state(past), "pr-2": state(later), "pr-3": state(past), "live": state(None)}
    listed = json.dumps([{"name": name} for name in states])
    monorepo.write("Pulumi.yaml", "name: quay\n")
    monkeypatch.setattr(toolchain, "ensure", lambda *_, **__: 0)
    monkeypatch.setattr(reaping, "read_state", lambda own: states.get(own.stack, State()))
    monkeypatch.setattr(stacks, "exists", lambda own: own.stack in {*states, "pr-9"})
    monkeypatch.setattr(stacks, "remove", lambda own: found.append(own.stack))
    monkeypatch.setattr(pulumi, "output", lambda *_: listed)
    monkeypatch.setattr(pulumi, "show", lambda own, _: 1 if own.stack == "pr-3" else 0)
    return found


def test_only_environments_past_their_time_are_deleted_and_a_broken_one_does_not_keep_the_others(
    monorepo: Monorepo, deleted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    describe(monorepo.root, Wanted(stack="pr-1", basis="dev"))
    assert reaping.reap(monorepo.root, (), basis="dev", dry_run=False) == 1
    assert deleted == ["pr-1"]
    assert not (monorepo.root / "Pulumi.pr-1.yaml").exists()
    assert (monorepo.root / "Pulumi.dev.yaml").exists()
    assert "environment pr-3 could not be deleted" in capsys.readouterr().err


def test_a_dry_run_lists_them_and_deletes_nothing(
    monorepo: Monorepo, deleted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reaping.reap(monorepo.root, (), basis="dev", dry_run=True) == 0
    assert deleted == []
    told = capsys.readouterr().out
    assert [word in told for word in ("pr-1", "pr-2", "pr-3", "dev")] == [True, True, True, False]


def test_a_named_environment_is_deleted_before_its_time_or_never_got_anywhere(
    monorepo: Monorepo, deleted: list[str]
) -> None:
    assert reaping.reap(monorepo.root, ("pr-2", "pr-9", "gone"), basis="dev", dry_run=False) == 0
    assert deleted == ["pr-2", "pr-9"]


@pytest.mark.parametrize("name", ["dev", "live"])
def test_a_stack_that_is_there_to_stay_is_never_reaped(name: str, monorepo: Monorepo, deleted: list[str]) -> None:
    with pytest.raises(MoorageError, match=f"{name} is a stack that is there to stay; nothing was deleted"):
        reaping.reap(monorepo.root, (name,), basis="dev", dry_run=False)
    assert deleted == []


def test_files_that_somebody_wrote_are_his(monorepo: Monorepo) -> None:
    describe(monorepo.root, Wanted(stack="pr-7", basis="dev"))
    assert [is_written_by_us(monorepo.root, name) for name in ("pr-7", "none", "dev")] == [True, True, False]


@pytest.mark.parametrize("status", [0, 3])
def test_the_seed_runs_in_a_pod_of_its_service_and_a_failure_is_told(
    status: int, monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monorepo.add("Pulumi.dev.yaml", "  moorage:ephemeral: {seed: {service: backend, command: [fill, all]}}\n")
    describe(monorepo.root, Wanted(stack="pr-7", basis="dev"))
    asked: list[tuple[str, ...]] = []

    def run(_: Any, *arguments: str, seconds: int) -> subprocess.CompletedProcess[str]:
        asked.append(arguments)
        return subprocess.CompletedProcess(arguments, status, "", "no table\n")

    monkeypatch.setattr(kubectl, "run", run)
    environments.fill(session(tmp_path), monorepo.load("dev"))
    assert asked == [], "a stack that is there to stay is not filled"
    if status:
        with pytest.raises(MoorageError, match="no table"):
            environments.fill(session(tmp_path), monorepo.load("pr-7"))
    else:
        environments.fill(session(tmp_path), monorepo.load("pr-7"))
    assert asked[0][:2] == ("exec", "deployment/backend")
    assert asked[0][-2:] == ("fill", "all")
