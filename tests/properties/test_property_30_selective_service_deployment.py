"""An update that has new images for some services replaces the pods of these, and leaves all others as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED, batched
from tests.properties.fleet import Fleet
from tests.properties.workloads import workloads

if TYPE_CHECKING:
    from tests.properties.fleet import Changed, Running
    from tests.properties.workloads import Workload


# Feature: optimized-container-infrastructure, Property 30: For any deployment operation, only services with changed
# images should be deployed, while unchanged services remain untouched.
@pytest.mark.property_test
@batched(Fleet.redeployed)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_only_services_whose_image_is_another_one_are_deployed(workload: Workload, outcome: Changed) -> None:
    before, after = outcome.before, outcome.after
    old, new = workload.images
    # All images were built anew; those of the same content have the same digest.
    assert (before.image != after.image) == (old != new)
    assert (before.pod.image, after.pod.image) == (before.image, after.image)
    if old == new:
        assert untouched(before, after)
    else:
        assert after.generation == before.generation + 1
        assert after.pod.uid != before.pod.uid
        assert after.pod.ready_since
        assert after.pod.restarts == 0
    for needed, now in zip(before.needs, after.needs, strict=True):
        assert untouched(needed, now) == (needed.image == now.image)


def untouched(before: Running, after: Running) -> bool:
    """Return whether a service is as it was: its Deployment, its pod, and the process in it, which stayed ready."""
    pods = [(each.pod.uid, each.pod.ready_since, each.pod.restarts) for each in (before, after)]
    processes = [(each.report["started"], each.report["healthySince"]) for each in (before, after)]
    return before.generation == after.generation and pods[0] == pods[1] and processes[0] == processes[1]
