"""A saved plan: what it holds, and that nothing but what was reviewed is applied."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.base.errors import MoorageError
from moorage.cli import plans
from moorage.cli.sessions import session_for
from moorage.engine.drift import Drift
from moorage.engine.events import Planned, Step
from moorage.engine.look import Seen
from moorage.engine.plan import Plan, plan_of
from moorage.engine.state import Resource, State

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.config.project import Project
    from tests.unit.config_samples import Monorepo

URN = "urn:pulumi:dev::moorage::kubernetes:apps/v1:Deployment::backend"
STEP = Step(op="update", urn=URN, type="kubernetes:apps/v1:Deployment", new={"spec": {"replicas": 2}})
STATE = State((Resource(urn=URN, type=STEP.type, inputs={"spec": {"replicas": 1}}),))
DRIFT = Drift(kind="Service", name="backend", urn="urn::x")


@pytest.fixture(autouse=True)
def whole(monorepo: Monorepo) -> None:
    """Add what the data stores are made from, and the project's name."""
    for name in ("postgres", "redis"):
        monorepo.write(f"images/{name}/image.yaml", "build: {}\n")
        monorepo.write(f"images/{name}/Dockerfile", "FROM scratch\n")
    for file in monorepo.root.glob("*/*/Dockerfile"):
        monorepo.write(f"{file.relative_to(monorepo.root)}.dockerignore", "*\n")
    monorepo.write("Pulumi.yaml", "name: quay\nruntime: python\n")


def saved(project: Project, path: Path, *, seen: Seen | None = None) -> Plan:
    plans.save(path, project, session_for(project), seen or Seen(STATE), Planned((STEP,)))
    return plans.read(path, project.stack_name)


def checked(project: Project, plan: Plan, path: Path, monkeypatch: pytest.MonkeyPatch, **now: Any) -> None:
    """Check a plan where state, cluster and preview are as they were, or as ``now`` says."""
    monkeypatch.setattr(plans, "read_state", lambda _: now.get("state", STATE))
    monkeypatch.setattr(plans, "_previewed", lambda _, **__: Planned(now.get("steps", (STEP,))))
    plans.check_sources(plan, path, project)
    plans.check(plan, path, session_for(project), now.get("seen", Seen(STATE)))


def test_what_was_reviewed_and_has_not_changed_is_let_through(
    monorepo: Monorepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, path = monorepo.load(), tmp_path / "plan"
    checked(project, saved(project, path), path, monkeypatch)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"state": State()}, "stack dev has changed since it was reviewed"),
        ({"state": State((dataclasses.replace(STATE.resources[0], protect=True),))}, "stack dev has changed"),
        ({"seen": Seen(STATE, (DRIFT,))}, "the cluster has changed since the review"),
        ({"seen": Seen(STATE, answered=False)}, "the cluster does not answer"),
        ({"steps": ()}, "the update would do something else"),
        ({"steps": (dataclasses.replace(STEP, op="replace"),)}, "update reviewed, replace now: Deployment backend"),
        ({"steps": (dataclasses.replace(STEP, new={"spec": {"replicas": 3}}),)}, "its steps differ"),
    ],
)
def test_whatever_has_changed_since_stops_the_update(
    now: dict[str, Any], said: str, monorepo: Monorepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, path = monorepo.load(), tmp_path / "plan"
    with pytest.raises(MoorageError, match="nothing was changed") as refused:
        checked(project, saved(project, path), path, monkeypatch, **now)
    assert said in str(refused.value)
    assert f"moorage preview dev --save {path}" in str(refused.value)


def test_sources_that_have_changed_are_named(monorepo: Monorepo, tmp_path: Path) -> None:
    path = tmp_path / "plan"
    plan = saved(monorepo.load(), path)
    monorepo.add("Pulumi.dev.yaml", "    worker: {replicas: 3}\n")
    with pytest.raises(MoorageError, match="the sources are not those that were reviewed") as refused:
        plans.check_sources(plan, path, monorepo.load())
    (problem,) = refused.value.problems
    assert problem.detail == ("Pulumi.dev.yaml", "settings of worker")


def test_a_change_that_nobody_saw_is_not_saved(monorepo: Monorepo, tmp_path: Path) -> None:
    path = tmp_path / "plan"
    with pytest.raises(MoorageError, match="no plan was saved"):
        saved(monorepo.load(), path, seen=Seen(STATE, answered=False))
    assert not path.exists()


def test_a_plan_holds_digests_and_no_content(monorepo: Monorepo, tmp_path: Path) -> None:
    plan = saved(monorepo.load(), tmp_path / "plan")
    assert set(plan.sources) >= {"apps/backend", "settings of backend", "Pulumi.dev.yaml"}
    assert "replicas" not in (tmp_path / "plan").read_text()


@pytest.mark.parametrize(
    ("text", "stack", "said"),
    [
        (None, "dev", "the plan cannot be read"),
        ("", "dev", "the file is not a plan"),
        ("{}", "dev", "the file is not a plan"),
        ('{"form": 99}', "dev", "the file is not a plan"),
        ("PLAN", "prod", "the plan is for stack dev"),
    ],
)
def test_a_file_that_is_no_plan_of_this_stack_is_one_clear_error(
    text: str | None, stack: str, said: str, monorepo: Monorepo, tmp_path: Path
) -> None:
    path = tmp_path / "plan"
    saved(monorepo.load(), path)
    if text is None:
        path.unlink()
    elif text != "PLAN":
        path.write_text(text)
    with pytest.raises(MoorageError, match=said):
        plans.read(path, stack)


def test_a_plan_of_another_form_is_refused(monorepo: Monorepo, tmp_path: Path) -> None:
    path = tmp_path / "plan"
    saved(monorepo.load(), path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "form": 2}))
    with pytest.raises(MoorageError, match="not a plan"):
        plans.read(path, "dev")


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["form", "drift", "steps"]), inner),
    max_leaves=6,
)


@given(JSON)
def test_whatever_a_file_holds_is_a_plan_or_none(value: Any) -> None:
    assert plan_of(json.dumps(value)) is None
