"""With what arguments Pulumi is asked for an update, and when somebody is asked first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.cli import deploy
from moorage.cli.deploy import update_arguments
from moorage.cli.sessions import session_for
from moorage.engine.look import Seen
from moorage.engine.state import SERVICE, Resource, State

if TYPE_CHECKING:
    from moorage.config.project import Project
    from tests.unit.config_samples import Monorepo


def stack(monorepo: Monorepo, name: str, *, protect: bool = False, stage: str = "") -> Project:
    (monorepo.root / "Pulumi.dev.yaml").rename(monorepo.root / f"Pulumi.{name}.yaml")
    told = f"  policy:stage: {stage}\n" if stage else ""
    monorepo.change(f"Pulumi.{name}.yaml", "config:\n", f"config:\n{told}  moorage:protect: {str(protect).lower()}\n")
    return monorepo.load(name)


@pytest.mark.parametrize(
    ("name", "stage", "protect", "confirmed", "previewed"),
    [
        ("dev", "", False, False, False),
        ("dev-anna", "", False, False, False),
        ("dev", "", True, False, False),
        ("dev-eu", "prod", False, False, True),
        ("dev-eu", "prod", False, True, True),
        ("staging", "", False, False, True),
        ("staging", "", True, False, True),
        ("staging", "", True, True, False),
        ("prod", "", False, True, True),
    ],
)
def test_production_is_never_updated_without_a_preview_unless_it_is_protected_and_confirmed(
    monorepo: Monorepo, name: str, stage: str, *, protect: bool, confirmed: bool, previewed: bool
) -> None:
    arguments = update_arguments(stack(monorepo, name, protect=protect, stage=stage), confirmed=confirmed)
    assert ("--skip-preview" not in arguments) == previewed
    assert arguments[-2:] == ["--stack", name]


def test_an_update_looks_at_the_cluster_first_where_it_must(monorepo: Monorepo) -> None:
    project = monorepo.load()
    assert "--refresh" in update_arguments(project, refresh=True)
    assert "--refresh" not in update_arguments(project)


def deployed(*names: str) -> Seen:
    """Return a look at a stack of these services."""
    return Seen(State(tuple(Resource(urn=f"urn::{name}", type=SERVICE) for name in names)))


@pytest.mark.parametrize(
    ("name", "protect", "asked"),
    [("dev", False, False), ("dev-anna", False, False), ("dev", True, True), ("staging", False, True)],
)
def test_a_service_that_is_gone_from_the_sources_is_named_and_confirmed_where_that_matters(
    monorepo: Monorepo, capsys: pytest.CaptureFixture[str], name: str, *, protect: bool, asked: bool
) -> None:
    project = stack(monorepo, name, protect=protect)
    seen = deployed("backend", "vote", "worker")

    def ask(*, yes: bool) -> bool:
        return deploy._confirm_where_needed(session_for(project), project, seen, yes=yes)

    assert ask(yes=True)
    if asked:
        with pytest.raises(MoorageError, match="this update deletes vote; confirmation needs a terminal"):
            ask(yes=False)
    else:
        assert not ask(yes=False)
    told = " ".join(capsys.readouterr().err.split())
    assert f"service vote runs in stack {name} but is no longer in the sources" in told
    assert "apps/vote/service.yaml" in told


def test_a_service_that_the_stack_switches_off_is_named_as_such(
    monorepo: Monorepo, capsys: pytest.CaptureFixture[str]
) -> None:
    monorepo.add("Pulumi.dev.yaml", "    worker: {run: false}\n")
    project = monorepo.load()
    deploy._confirm_where_needed(session_for(project), project, deployed("backend", "worker"), yes=False)
    assert "has run: false in its settings" in " ".join(capsys.readouterr().err.split())


def test_nothing_is_asked_where_every_service_is_still_there(monorepo: Monorepo) -> None:
    project = stack(monorepo, "staging")
    assert not deploy._confirm_where_needed(session_for(project), project, deployed("backend"), yes=False)
