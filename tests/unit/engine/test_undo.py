"""Which services of a failed update go back, and what the others keep."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest  # noqa: TC002  # fixtures are found by their annotation

from moorage.build.record import workload_record
from moorage.config import outputs
from moorage.engine import kubectl, undo
from moorage.engine.dossier import Dossier, PodReport, markdown
from moorage.engine.state import Resource, State
from tests.unit.release_samples import image, images, release
from tests.unit.session_samples import session

if TYPE_CHECKING:
    from moorage.config.project import Project
    from moorage.config.release import Release
    from tests.unit.config_samples import Monorepo

SINCE = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def state(project: Project, running: dict[str, str], *, live: tuple[str, ...] = ()) -> State:
    """Return a state of these images, in which the settings on disk are live in some services."""
    found = []
    for name, used in running.items():
        urn = f"urn:pulumi:dev::m::{outputs.SERVICE}::{name}"
        settings = {outputs.SETTINGS: workload_record(project, name)} if name in live else {}
        found.append(Resource(urn=urn, type=outputs.SERVICE, outputs=settings))
        spec = {"template": {"spec": {"containers": [{"image": used}]}}}
        deployed = f"urn:pulumi:dev::m::{outputs.SERVICE}$kubernetes:apps/v1:Deployment::{name}-deployment"
        found.append(Resource(urn=deployed, type="kubernetes:apps/v1:Deployment", parent=urn, inputs={"spec": spec}))
    return State(tuple(found))


def planned(
    monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch, running: dict[str, str], failed: list[str], last: Release
) -> undo.Undo:
    project = monorepo.load()
    monkeypatch.setattr(undo, "read_state", lambda _: state(project, running, live=tuple(running)))
    found = undo.planned(session(monorepo.root), project, [last], failed)
    assert found is not None
    return found


def test_a_failed_service_goes_back_and_the_one_that_came_up_stays(
    monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = release(monorepo.load(), 4)
    found = planned(monorepo, monkeypatch, images(backend="b", worker="c"), ["worker"], last)
    assert (found.names, found.kept) == (("worker",), ("backend",))
    assert found.pinned.images == {"backend": image("backend", "b"), "worker": image("worker", "a")}
    assert found.pinned.cause == "update, worker undone"


def test_with_atomic_stack_all_services_go_back(monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch) -> None:
    last = release(monorepo.load(), 4)
    monorepo.add("Pulumi.dev.yaml", "  moorage:atomic: stack\n")
    found = planned(monorepo, monkeypatch, images(backend="b", worker="c"), ["worker"], last)
    assert set(found.names) == {"backend", "worker"}
    assert found.pinned.images == last.images
    assert found.kept == ()


def test_what_was_not_reached_yet_is_neither_kept_nor_taken_back(
    monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = release(monorepo.load(), 4)
    found = planned(monorepo, monkeypatch, images(backend="b", worker="a"), ["backend"], last)
    assert (found.names, found.kept) == (("backend",), ())
    assert found.pinned.images == last.images


def test_new_settings_of_what_came_up_are_kept(monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch) -> None:
    last = release(monorepo.load(), 4)
    monorepo.change("apps/backend/service.yaml", "LOG_LEVEL: INFO", "LOG_LEVEL: INFO\n  BERTHS: '7'")
    found = planned(monorepo, monkeypatch, images(backend="a", worker="b"), ["worker"], last)
    assert found.kept == ("backend",)
    assert found.pinned.services["backend"]["env"]["BERTHS"] == "7"


def test_a_new_service_that_failed_is_taken_away(monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch) -> None:
    both = release(monorepo.load(), 4)
    last = both.model_copy(update={"services": {"backend": both.services["backend"]}, "images": images(backend="a")})
    found = planned(monorepo, monkeypatch, images(backend="a", worker="b"), ["worker"], last)
    assert list(found.pinned.services) == ["backend"]


def test_without_a_release_or_a_failure_there_is_nothing_to_undo(monorepo: Monorepo) -> None:
    project = monorepo.load()
    assert undo.planned(session(monorepo.root), project, [], ["worker"]) is None
    assert undo.planned(session(monorepo.root), project, [release(project, 1)], []) is None


def test_a_failed_service_is_one_whose_new_pod_did_not_come_up(
    monorepo: Monorepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pod(name: str, minute: int, *, ready: bool) -> dict[str, Any]:
        created = SINCE.replace(minute=minute) if minute >= 0 else SINCE - dt.timedelta(minutes=5)
        labels = {"app.kubernetes.io/name": name}
        condition = {"type": "Ready", "status": str(ready)}
        metadata = {"name": f"{name}-1", "creationTimestamp": created.isoformat(), "labels": labels}
        return {"metadata": metadata, "status": {"phase": "Running", "conditions": [condition]}}

    pods = [pod("worker", 1, ready=False), pod("backend", -1, ready=False), pod("backend", 1, ready=True)]
    monkeypatch.setattr(kubectl, "items", lambda *_: pods)
    assert undo.failed_services(session(monorepo.root), monorepo.load(), SINCE) == ["worker"]


def test_a_stack_of_production_undoes_failures_and_one_of_development_does_not(monorepo: Monorepo) -> None:
    assert not monorepo.load().undoes_failures
    monorepo.add("Pulumi.dev.yaml", "  moorage:rollback: automatic\n")
    assert monorepo.load().undoes_failures
    monorepo.change("Pulumi.dev.yaml", "rollback: automatic", "stage: production")
    assert monorepo.load().undoes_failures
    monorepo.add("Pulumi.dev.yaml", "  moorage:rollback: off\n")
    assert not monorepo.load().undoes_failures


def test_a_dossier_s_markdown_holds_what_a_program_printed_whatever_that_is() -> None:
    pod = PodReport(
        workload="worker",
        pod="worker-1",
        reason="CrashLoopBackOff",
        why="it ended with exit status 7",
        remedy="fix the crash",
        containers=("worker: waiting, last exit status 7 (Error)",),
        log=("rudder is jammed", "```", "# no heading"),
        previous=("the run before",),
        probes=("Warning Unhealthy: Readiness probe failed: statuscode: 503",),
        events=(),
        commands=("kubectl describe pod worker-1 --namespace harbour-dev",),
    )
    text = markdown(
        Dossier(
            stack="dev",
            time="2026-01-01T12:00:00+00:00",
            problems=("worker-1: a pod is not ready\n  why: it crashed",),
            pods=(pod,),
            differs=("worker: image aaa → bbb",),
            outcome="worker was taken back to release 4",
        )
    )
    assert "````\nrudder is jammed\n```\n# no heading\n````" in text
    for told in ("the run before", "statuscode: 503", "image aaa → bbb", "taken back to release 4", "exit status 7"):
        assert told in text
