"""Runs all examples of a Hypothesis test at once, as a hundred services start together in the time of a few."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.properties.fleet import Fleet
    from tests.properties.workloads import Workload

Outcome = TypeVar("Outcome")

SEED = int(os.environ.get("MOORAGE_PROPERTY_SEED", random.SystemRandom().getrandbits(32)))
"""Shared by all tests of a run, so that those of the same examples find them running already."""
BATCHED = settings(
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Examples are only gathered while Hypothesis runs: it sees none of them fail, so there is nothing to shrink."""


def batched(
    run: Callable[[Fleet, Sequence[Workload]], Sequence[Outcome]],
) -> Callable[[Callable[..., None]], Callable[[Fleet], None]]:
    """Make a Hypothesis test of `workload` and its `outcome` one that runs its examples together.

    Hypothesis generates the examples, `run` gives the outcome of each, then the test judges every one of them.
    """

    def decorate(test: Any) -> Callable[[Fleet], None]:
        judge = test.hypothesis.inner_test

        def judge_all(fleet: Fleet) -> None:
            examples: list[Workload] = []
            test.hypothesis.inner_test = lambda workload, **_: examples.append(workload)
            seed(SEED)(test)(outcome=None)
            assert len(examples) >= 100
            failures = []
            for workload, outcome in zip(examples, run(fleet, examples), strict=True):
                try:
                    judge(workload=workload, outcome=outcome)
                except AssertionError as error:
                    error.add_note(f"{outcome!r:.3000}\nfor the example\n{workload!r:.3000}")
                    failures.append(error)
            if failures:
                remedy = f"MOORAGE_PROPERTY_SEED={SEED} gives the same examples again"
                raise ExceptionGroup(f"{len(failures)} of {len(examples)} examples failed; {remedy}", failures)

        judge_all.__name__, judge_all.__doc__, judge_all.__module__ = test.__name__, test.__doc__, test.__module__
        return judge_all

    return decorate
