"""Runs all examples of a Hypothesis test at once, as a hundred services start together in the time of a few."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.properties.fleet import Fleet
    from tests.properties.workloads import Workload

Outcome = TypeVar("Outcome")
P = ParamSpec("P")

SEED = int(os.environ.get("MOORAGE_PROPERTY_SEED", random.SystemRandom().getrandbits(32)))
"""Shared by all tests of a run, so that those of the same examples find them running already."""
BATCHED = settings(
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Examples are only gathered while Hypothesis runs: it sees none of them fail, so there is nothing to shrink."""


def judge_together(test: Any, run: Callable[[Sequence[Any]], Sequence[Any]], *, parameter: str = "example") -> None:
    """Let Hypothesis generate the examples, `run` give the outcome of each, and the test judge every one of them.

    The test is one of Hypothesis, of the ``parameter`` that it generates and the ``outcome`` of that.
    """
    judge = test.hypothesis.inner_test
    examples: list[Any] = []
    test.hypothesis.inner_test = lambda **given: examples.append(given[parameter])
    try:
        seed(SEED)(test)(outcome=None)
    finally:
        test.hypothesis.inner_test = judge
    assert len(examples) >= 100
    remedy = f"MOORAGE_PROPERTY_SEED={SEED} gives the same examples again"
    try:
        outcomes = run(examples)
    except Exception as error:
        error.add_note(remedy)
        raise
    failures: list[Exception] = []
    for example, outcome in zip(examples, outcomes, strict=True):
        try:
            judge(**{parameter: example}, outcome=outcome)
        except Exception as error:  # noqa: BLE001  # what one example raises keeps no other from being judged
            error.add_note(f"{outcome!r:.3000}\nfor the example\n{example!r:.3000}")
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(examples)} examples failed; {remedy}", failures)


def once(
    build_all: Callable[[Any, Sequence[Any]], Sequence[Outcome]],
) -> Callable[[Any, Sequence[Any]], Sequence[Outcome]]:
    """Return what builds a batch of examples, and only looks it up for the other tests that judge the same ones."""
    last: list[Any] = []

    def build_once(bench: Any, examples: Sequence[Any]) -> Sequence[Outcome]:
        if not last or last[0] is not bench or last[1] != list(examples):
            last[:] = [bench, list(examples), build_all(bench, examples)]
        outcomes: Sequence[Outcome] = last[2]
        return outcomes

    return build_once


def under_the_name_of(test: Any, judge_all: Callable[P, None]) -> Callable[P, None]:
    """Return what judges all examples of a test at once, known to pytest as that test."""
    judge_all.__name__, judge_all.__doc__, judge_all.__module__ = test.__name__, test.__doc__, test.__module__
    return judge_all


def batched(
    run: Callable[[Fleet, Sequence[Workload]], Sequence[Outcome]],
) -> Callable[[Callable[..., None]], Callable[[Fleet], None]]:
    """Make a Hypothesis test of `workload` and its `outcome` one that runs its examples together."""

    def decorate(test: Any) -> Callable[[Fleet], None]:
        def judge_all(fleet: Fleet) -> None:
            judge_together(test, lambda workloads: run(fleet, workloads), parameter="workload")

        return under_the_name_of(test, judge_all)

    return decorate
