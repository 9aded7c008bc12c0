"""Which strategies of a service go together, and what is said of those that do not."""

from __future__ import annotations

import pytest

from moorage.config.release import Release, release_of
from tests.unit.config_samples import BACKEND, WORKER, Monorepo, check, problem_of

FIXED = BACKEND.replace("scaling:\n  minReplicas: 2\n  maxReplicas: 10\n", "replicas: 2\n")


def with_strategy(text: str, base: str = FIXED) -> str:
    return f"{base}strategy: {text}\n"


@pytest.mark.parametrize(
    "text",
    [
        "{maxSurge: 2, maxUnavailable: 25%}",
        "{maxSurge: 0, maxUnavailable: 1}",
        "{type: Recreate, minReadySeconds: 3, progressDeadlineSeconds: 60}",
        "{type: BlueGreen, keepSeconds: 30, verify: {command: [check]}}",
        "{type: BlueGreen}",
    ],
)
def test_what_goes_together_is_taken(text: str) -> None:
    service, problems = check(with_strategy(text))
    assert problems == []
    assert service is not None


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("{maxSurge: 0}", "maxSurge and maxUnavailable are both 0", "set maxSurge: 1"),
        ("{maxSurge: 0%, maxUnavailable: 0}", "are both 0", "set maxSurge: 1"),
        ("{type: Recreate, maxSurge: 1}", "maxSurge is set beside type: Recreate", "remove maxSurge"),
        ("{type: BlueGreen, maxUnavailable: 1}", "maxUnavailable is set beside type: BlueGreen", "RollingUpdate"),
        ("{keepSeconds: 5}", "keepSeconds is set beside type: RollingUpdate", "type: BlueGreen"),
        ("{verify: {command: [check]}}", "verify is set beside type: RollingUpdate", "type: BlueGreen"),
        ("{minReadySeconds: 60, progressDeadlineSeconds: 60}", "is not above minReadySeconds (60)", "raise"),
        ("{maxSurge: many}", "'many' is not allowed", "25%"),
        ("{type: Canary}", "Canary", "BlueGreen"),
        ("{type: BlueGreen, verify: {}}", "command", "add"),
    ],
)
def test_what_does_not_is_said_with_a_way_out(text: str, what: str, remedy: str) -> None:
    problem = problem_of(with_strategy(text))
    assert what in problem.what
    assert remedy in f"{problem.why} {problem.remedy}"


def test_blue_green_needs_a_fixed_number_of_pods() -> None:
    problem = problem_of(with_strategy("{type: BlueGreen}", BACKEND))
    assert "BlueGreen, and scaling" in problem.what
    assert "set replicas" in str(problem.remedy)


def test_a_strategy_survives_in_a_release(monorepo: Monorepo) -> None:
    monorepo.write("apps/worker/service.yaml", with_strategy("{type: Recreate, minReadySeconds: 3}", WORKER))
    project = monorepo.load()
    images = dict.fromkeys(project.running, "r/x@sha256:1")
    kept = Release.model_validate_json(release_of(project, images, {}, restarts={}).model_dump_json(by_alias=True))
    assert kept.model_of("worker").strategy == project.services["worker"].strategy
