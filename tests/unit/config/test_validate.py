"""From a document to a model: every error at its place, in words that say what to do."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.base.errors import Location, MoorageError
from moorage.base.words import did_you_mean, listed, nearest
from moorage.config.modelkeys import known_keys, model_at
from moorage.config.service import Service
from moorage.config.yamlfile import parse_yaml
from tests.unit.config_samples import BACKEND, PATH, changed, check, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.base.errors import Problem
    from moorage.config.yamlfile import Trail

DATA = parse_yaml(BACKEND, PATH).data


def places(value: Any, trail: Trail = ()) -> Iterator[Trail]:
    """Yield the way to every value of a tree, the tree itself included."""
    yield trail
    if isinstance(value, dict | list):
        for part, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*trail, part))


def replaced(trail: Trail, value: Any) -> dict[str, Any]:
    """Return the sample's data with one value replaced."""
    data: Any = copy.deepcopy(DATA)
    holder = data
    for part in trail[:-1]:
        holder = holder[part]
    holder[trail[-1]] = value
    changed_data: dict[str, Any] = data
    return changed_data


def place_of(text: str, token: str) -> Location:
    before = text[: text.index(token)]
    return Location(file=str(PATH), line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))


VALUES = [trail for trail in places(DATA) if trail]
MODELS = [trail for trail in places(DATA) if model_at(Service, trail) is not None]


def test_the_sample_is_valid() -> None:
    service, problems = check(BACKEND)
    assert problems == []
    assert service is not None
    assert service.resources.limits.cpu == "2"


@given(st.sampled_from(VALUES))
def test_a_value_of_the_wrong_type_is_reported_where_it_stands(trail: Trail) -> None:
    # Nothing in service.yaml may be a list of lists.
    text = json.dumps(replaced(trail, "@@"), indent=2).replace('"@@"', "[[wrong]]")
    service, problems = check(text)
    assert service is None
    assert {problem.where for problem in problems} <= {
        place_of(text, "[[wrong]]"),
        place_of(text, "[wrong]"),
    }
    assert all(problem.why and problem.remedy and problem.detail for problem in problems)


@given(st.sampled_from(MODELS), st.text("qxzjw", min_size=9, max_size=9))
def test_an_unknown_key_is_reported_where_it_stands(trail: Trail, key: str) -> None:
    text = json.dumps(replaced((*trail, key), 1), indent=2)
    problem = problem_of(text)
    assert problem.where == place_of(text, f'"{key}"')
    assert problem.what == f"unknown key {'.'.join(map(str, (*trail, key)))}"
    assert str(problem.remedy).startswith("remove it; what Kubernetes knows of it can be set with patches")


@given(st.sampled_from([key for key in known_keys(Service) if len(key) > 5]), st.data())
def test_a_slip_in_a_key_is_met_with_the_key(key: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(key) - 1))
    slip = key[:index] + key[index + 1 :]
    problem = next(problem for problem in check(f"{slip}: 1\n{BACKEND}")[1] if "unknown key" in problem.what)
    assert problem.remedy == f"did you mean {key}?"


@pytest.mark.parametrize("key", ["name", "kind", "startupProbe", "readinessProbe", "resources"])
def test_a_missing_key_is_reported_at_what_lacks_it(key: str) -> None:
    data = {name: value for name, value in DATA.items() if name != key}
    problem = problem_of(json.dumps(data))
    assert (problem.what, problem.where) == (
        f"the key {key} is missing",
        Location(file="service.yaml", line=1, column=1),
    )
    assert problem.why
    assert problem.remedy is not None
    assert problem.remedy.startswith(f"add {key}")


def test_a_required_key_with_a_slip_in_it_is_one_error() -> None:
    problem = problem_of(changed("resources:", "resource:"))
    assert (problem.what, problem.remedy) == ("unknown key resource", "did you mean resources?")


def test_a_key_missing_further_in_is_reported_at_the_key_above() -> None:
    problem = problem_of(changed("  maxReplicas: 10\n", ""))
    assert problem.what == "the key scaling.maxReplicas is missing"
    assert problem.where == Location(file="service.yaml", line=17, column=1)


def test_a_key_written_a_level_too_high_is_sent_to_its_place() -> None:
    problem = problem_of(BACKEND + "dockerfile: Dockerfile\n")
    assert (problem.what, problem.remedy) == ("unknown key dockerfile", "move it below build")


def test_snake_case_is_no_other_spelling_of_a_key() -> None:
    problem = problem_of(changed("livenessProbe:", "liveness_probe:"))
    assert (problem.what, problem.remedy) == ("unknown key liveness_probe", "did you mean livenessProbe?")


def test_every_error_of_a_file_is_reported_at_once() -> None:
    text = changed("port: 8000", "prot: 80").replace("cpu: 500m", "cpu: x").replace("kind: web", "kind: 1")
    assert len(check(text)[1]) == 3


@given(st.data())
def test_a_service_with_a_few_characters_changed_is_read_or_explained(data: st.DataObject) -> None:
    text = BACKEND
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(text) - 1))
        text = text[:index] + data.draw(st.text("a1:{}[]- \n\"'&*!|", max_size=2)) + text[index + 1 :]
    problems = _all_problems(text)
    for problem in problems:
        assert isinstance(problem.where, Location)
        assert problem.what
        assert problem.remedy


def _all_problems(text: str) -> tuple[Problem, ...]:
    try:
        service, problems = check(text)
    except MoorageError as error:
        return error.problems
    assert (service is None) == bool(problems)
    return tuple(problems)


def test_the_nearest_word_ignores_case_and_hyphens() -> None:
    assert nearest("LIVENESS_PROBE", ["livenessProbe", "readinessProbe"]) == "livenessProbe"
    assert nearest("zzz", ["port"]) is None
    assert did_you_mean("zzz", ["port"], "remove it") == "remove it"


def test_lists_read_as_people_write_them() -> None:
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]
