"""When a rollout counts as done: the condition that the provider waits for, read as the provider reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.components.manifests.rollout import WAIT_FOR, done_when, spec_digest

NEW, OLD = spec_digest('{"image": "new"}'), spec_digest('{"image": "old"}')
COMPARISON = re.compile(r"(@|\$)\.([a-zA-Z.]+) == (@|\$)\.([a-zA-Z.]+)")
SEARCH = re.compile(r"search\(\$\.metadata\.annotations\['([^']+)'\], '([^']+)'\)")


def field(root: dict[str, Any], path: str) -> Any:
    """Return the value at a dotted path, None where there is none."""
    value: Any = root
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def holds(condition: str, live: dict[str, Any]) -> bool:
    """Evaluate the condition on an object: every comparison and search in it must hold, as all are joined by and."""
    match = re.fullmatch(r"jsonpath=\{\[\?(.*)\]\}", condition)
    assert match is not None
    left = re.sub(r"[()&\s]", "", SEARCH.sub("", COMPARISON.sub("", match[1])))
    assert left == "", f"not understood: {left}"
    roots = {"@": live["status"], "$": live}
    compared = [
        (value := field(roots[a], first)) is not None and value == field(roots[b], second)
        for a, first, b, second in COMPARISON.findall(match[1])
    ]
    searched = [digest in live["metadata"]["annotations"][name] for name, digest in SEARCH.findall(match[1])]
    assert len(compared) == 4
    assert len(searched) == 1
    return all(compared) and all(searched)


def workload(digest: str = NEW, /, **changes: int) -> dict[str, Any]:
    """Return a Deployment of three pods that is rolled out, with numbers changed."""
    numbers = {"generation": 7, "observed": 7, "wanted": 3, "replicas": 3, "updated": 3, "available": 3, **changes}
    return {
        "metadata": {"generation": numbers["generation"], "annotations": {WAIT_FOR: done_when(digest)}},
        "spec": {"replicas": numbers["wanted"]},
        "status": {
            "observedGeneration": numbers["observed"],
            "replicas": numbers["replicas"],
            "updatedReplicas": numbers["updated"],
            "availableReplicas": numbers["available"],
        },
    }


def test_a_rollout_is_done_when_all_pods_are_new_and_available() -> None:
    assert holds(done_when(NEW), workload())


@pytest.mark.parametrize(
    "changes",
    [
        {"observed": 6},
        {"updated": 2},
        {"available": 2},
        {"updated": 1, "replicas": 4},
        {"replicas": 4},
        {"wanted": 4},
    ],
)
def test_it_is_not_done_while_anything_is_left_to_do(changes: dict[str, int]) -> None:
    assert not holds(done_when(NEW), workload(**changes))


def test_an_old_pods_availability_does_not_stand_in_for_a_new_ones() -> None:
    surge = workload(wanted=1, replicas=2, updated=1, available=1)
    assert not holds(done_when(NEW), surge)


def test_the_object_as_it_was_before_the_change_is_not_taken_for_the_new_one() -> None:
    assert not holds(done_when(NEW), workload(OLD))


@given(st.text(), st.text())
def test_different_specs_wait_for_different_things(first: str, second: str) -> None:
    assert (done_when(spec_digest(first)) == done_when(spec_digest(second))) == (first == second)


@given(st.text())
def test_the_provider_splits_no_condition_in_two(spec: str) -> None:
    condition = done_when(spec_digest(spec)).removeprefix("jsonpath=")
    assert "=" not in condition.replace("==", "")
    assert condition.count("{") == condition.count("}") == 1
