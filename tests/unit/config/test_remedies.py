"""What a remedy offers can be taken as it stands: no other rule refuses it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.unit.config_samples import BACKEND, WORKER, check, problem_of

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo


def without(text: str, path: str) -> str:
    """Return a service.yaml without a key."""
    data = yaml.safe_load(text)
    *parents, last = path.split(".")
    inner = data
    for key in parents:
        inner = inner[key]
    del inner[last]
    return yaml.safe_dump(data)


@pytest.mark.parametrize(
    "path",
    [
        "kind",
        "startupProbe",
        "livenessProbe",
        "readinessProbe",
        "resources",
        "resources.requests",
        "resources.requests.cpu",
        "resources.requests.memory",
    ],
)
@pytest.mark.parametrize("text", [BACKEND, WORKER], ids=["web", "worker"])
def test_the_example_for_a_key_that_is_missing_can_be_pasted(text: str, path: str) -> None:
    cut = without(text, path)
    *parents, last = path.split(".")
    problem = problem_of(cut)
    match = re.fullmatch(rf"add {last}: (.+)", str(problem.remedy))
    assert match, problem.remedy
    data = yaml.safe_load(cut)
    inner = data
    for key in parents:
        inner = inner[key]
    inner[last] = yaml.safe_load(match[1])
    if path == "kind" and text is WORKER:
        data["port"] = 8000  # the example is a web service, and says so
    _, problems = check(yaml.safe_dump(data))
    assert problems == []


@pytest.mark.parametrize("key", ["minReplicas", "maxReplicas"])
def test_so_can_that_of_the_autoscaler(key: str) -> None:
    problem = problem_of(without(BACKEND, f"scaling.{key}"))
    assert re.fullmatch(rf"add {key}: [0-9]+", str(problem.remedy))


@pytest.mark.parametrize(
    ("key", "written", "remedy"),
    [
        ("env", "[{name: A, value: b}, {name: C, value: '8'}]", 'env: {A: b, C: "8"}'),
        ("env", "[{name: A, value: 'x y'}]", 'env: {A: "x y"}'),
        ("env", "[A=b, C=d=e]", 'env: {A: b, C: "d=e"}'),
        ("env", "[A: b]", "env: {A: b}"),
        ("env", "[{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]", "env: {A: …}"),
        ("env", "[A=1, B=2, C=3, D=4]", 'env: {A: "1", B: "2", C: "3", …}'),
        ("env", "[A, B]", "write each as NAME: value"),
        ("env", "A=b", "env: {A: b}"),
        ("secrets", "[{name: KEY, key: signingKey}]", "secrets: {KEY: signingKey}"),
        ("resources", "[cpu]", "resources: {requests: {cpu: 100m"),
        ("route", "/api", "route: {path: /api}"),
        ("scaling", "5", "scaling: {minReplicas: 2, maxReplicas: 10}"),
        ("needs", "postgres", "[postgres]"),
        ("needs", "postgres, redis", "[postgres, redis]"),
        ("needs", "postgres redis", "[postgres, redis]"),
        ("command", "python -m backend", "[python, -m, backend]"),
        ("command", "sh -c 'a && b'", '[sh, -c, "a && b"]'),
        ("args", "--port 80", '[--port, "80"]'),
    ],
)
def test_what_is_written_in_another_form_is_shown_in_ours(key: str, written: str, remedy: str) -> None:
    data = yaml.safe_load(BACKEND)
    data.pop(key, None)
    text = f"{yaml.safe_dump(data)}{key}: {written}\n"
    problem = problem_of(text)
    assert remedy in str(problem.remedy)


def test_only_what_can_be_needed_is_offered(monorepo: Monorepo) -> None:
    monorepo.write("apps/reader/service.yaml", BACKEND.replace("name: backend", "name: reader").replace("/api", "/r"))
    monorepo.write("apps/reader/Dockerfile", "FROM scratch\n")
    monorepo.change("apps/worker/service.yaml", "needs: [redis, backend]", "needs: []")
    monorepo.change("apps/backend/service.yaml", "needs: [postgres, redis]", "needs: [rediss, wrker, backnd, readr]")
    problems = {str(problem.what).split()[2].rstrip(","): problem for problem in monorepo.problems()}
    assert problems["rediss"].remedy == "did you mean redis?"
    assert problems["readr"].remedy == "did you mean reader?"
    for slip in ("wrker", "backnd"):
        assert "did you mean" not in str(problems[slip].remedy)
    assert {problem.why for problem in problems.values()} == {"it may need postgres, redis and reader"}


def test_a_service_that_needs_this_one_is_not_offered(monorepo: Monorepo) -> None:
    monorepo.write(
        "apps/reader/service.yaml",
        BACKEND.replace("name: backend", "name: reader")
        .replace("/api", "/r")
        .replace("[postgres, redis]", "[backend]"),
    )
    monorepo.write("apps/reader/Dockerfile", "FROM scratch\n")
    monorepo.change("apps/backend/service.yaml", "needs: [postgres, redis]", "needs: [readr]")
    problem = monorepo.problem()
    assert problem.why == "it may need postgres and redis"
    assert "reader" not in str(problem.remedy)


def test_a_base_image_is_offered_neither_itself_nor_what_is_built_from_it(monorepo: Monorepo) -> None:
    monorepo.change("images/debian/image.yaml", "build: {}", "build: {bases: [debiann, pythn]}")
    problems = monorepo.problems()
    assert len(problems) == 2
    assert all("did you mean" not in str(problem.remedy) for problem in problems)
