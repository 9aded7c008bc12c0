"""`moorage status` and `moorage events`: one screen, JSON for programs, an exit status, and one clear error for a mistake."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from moorage.base.errors import MoorageError
from moorage.cli import stack_status
from moorage.cli.main import app
from moorage.engine import kubectl
from moorage.engine.state import Resource, State
from moorage.observe.entry import written
from tests.unit.observe_samples import at, deployment, ended, event, pod

if TYPE_CHECKING:
    from collections.abc import Callable

Thing = dict[str, Any]
Answer = dict[str, Any]
UP = State(
    (
        Resource(urn="u::backend", type="moorage:service:Service"),
        Resource(urn="u", type="pulumi:pulumi:Stack", outputs={"namespace": "harbour-dev"}),
    )
)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have kubectl answer with these objects, at the time of the sample objects."""

    def answers(*items: Thing, status: int = 0, error: str = "", usage: list[Thing] | None = None) -> None:
        def run(_session: object, *arguments: str) -> subprocess.CompletedProcess[str]:
            if "--raw" in arguments:
                found = json.dumps({"items": usage or []})
                return subprocess.CompletedProcess([], 0 if usage is not None else 1, found, "")
            return subprocess.CompletedProcess([], status, json.dumps({"items": list(items)}), error)

        monkeypatch.setattr(kubectl, "run", run)

    monkeypatch.setattr(stack_status, "read_state", lambda _session: UP)
    return answers


def said(*words: str) -> tuple[int, str]:
    """Run a command and return its exit status and what it printed."""
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def typed(kind: str, thing: Thing) -> Thing:
    return {"kind": kind, **thing}


def crashed() -> list[Thing]:
    """Return a worker that a moment ago was killed for its memory."""
    import datetime as dt

    now = written(dt.datetime.now(dt.UTC) - dt.timedelta(seconds=20))
    sick = ended(pod(), exitCode=137, reason="OOMKilled", restarts=4)
    sick["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = now
    failing = event(sick, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    failing["lastTimestamp"] = now
    return [typed("Deployment", deployment(1, complete=False)), typed("Pod", sick), typed("Event", failing)]


def test_a_healthy_stack_is_one_screen_and_exit_status_0(cluster: Callable[..., None]) -> None:
    used = [
        {
            "metadata": {"name": "backend-5f-x"},
            "timestamp": at(0),
            "containers": [{"name": "backend", "usage": {"cpu": "450m"}}],
        }
    ]
    cluster(typed("Deployment", deployment(1, complete=True)), typed("Pod", pod()), usage=used)
    status, text = said("status", "dev")
    assert status == 0
    assert "stack dev is healthy" in text
    row = next(line for line in text.splitlines() if line.startswith("backend"))
    assert row.split()[:3] == ["backend", "1/1", "90"]


def test_a_stack_that_is_not_healthy_says_which_service_and_why_and_exits_with_3(cluster: Callable[..., None]) -> None:
    cluster(*crashed())
    status, text = said("status", "dev")
    assert status == 3
    assert "not healthy: backend" in text
    assert "oom" in text
    assert "GET https://:8000/ready · HTTP 503" in text
    status, text = said("status", "dev", "--json")
    found = json.loads(text)
    assert (status, found["healthy"], found["services"][0]["lastRestart"]["reason"]) == (3, False, "oom")


def test_events_are_lines_that_can_be_narrowed_down(cluster: Callable[..., None]) -> None:
    cluster(*crashed())
    lines = said("events", "dev", "--json")[1].splitlines()
    assert {json.loads(line)["message"] for line in lines} == {
        "container restarted",
        "limit exceeded",
        "health check failed",
    }
    assert len(said("events", "dev", "--level", "error")[1].splitlines()) == 2
    assert said("events", "dev", "--since", "1s")[1] == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--since", "soon"], "'soon' is not a span of time"),
        (["--level", "warn"], "unknown level 'warn'"),
        (["--service", "backnd"], "has no service backnd"),
    ],
)
def test_a_mistake_is_one_error(cluster: Callable[..., None], words: list[str], told: str) -> None:
    cluster(typed("Deployment", deployment(1, complete=True)))
    with pytest.raises(MoorageError, match=told):
        said("events", "dev", *words)


def test_a_cluster_that_does_not_answer_and_a_stack_that_is_not_up_are_errors(
    cluster: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster(status=1, error="connection refused\n")
    with pytest.raises(MoorageError, match="connection refused"):
        said("status", "dev")
    monkeypatch.setattr(stack_status, "read_state", lambda _session: State())
    with pytest.raises(MoorageError, match="stack dev is not up"):
        said("status", "dev")
