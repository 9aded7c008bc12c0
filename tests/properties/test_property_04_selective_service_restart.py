"""A change of settings restarts the services that read them; all others go on in the process that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED, batched
from tests.properties.fleet import Fleet
from tests.properties.workloads import workloads

if TYPE_CHECKING:
    from tests.properties.fleet import Changed
    from tests.properties.workloads import Workload


# Feature: optimized-container-infrastructure, Property 4: For any configuration file change, only services that depend
# on that configuration should restart, while other services remain running.
@pytest.mark.property_test
@batched(Fleet.changed)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_only_the_process_of_a_service_whose_settings_changed_is_another_one(
    workload: Workload, outcome: Changed
) -> None:
    before, after = outcome.before, outcome.after
    restarted = before.report["started"] != after.report["started"]
    assert restarted == (workload.before != workload.after)
    if not restarted:
        assert after.pod.name == before.pod.name
        # Never since has it been less than Ready, nor has its container been started again.
        assert (after.pod.ready_since, after.pod.restarts) == (before.pod.ready_since, before.pod.restarts)
        assert after.report["healthySince"] == before.report["healthySince"]
    for old, new in zip(before.needs, after.needs, strict=True):
        # What it needs does not restart for it either.
        same = (old.service.env, old.report["secrets"]) == (new.service.env, new.report["secrets"])
        assert (old.report["started"] == new.report["started"]) == same
