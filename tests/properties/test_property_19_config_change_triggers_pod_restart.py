"""A change of settings starts exactly the services anew that read them, and these read the new ones."""

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


# Feature: optimized-container-infrastructure, Property 19: For any ConfigMap or Secret modification, pods consuming
# that configuration should automatically restart to load new values.
@pytest.mark.property_test
@batched(Fleet.changed)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_changed_settings_replace_the_pods_of_their_service_and_of_no_other(
    workload: Workload, outcome: Changed
) -> None:
    before, after = outcome.before.pod, outcome.after.pod
    assert (before.uid != after.uid) == (workload.before != workload.after)
    assert after.ready_since
    assert after.restarts == 0
    environment = outcome.after.report["environment"]
    assert {name: environment.get(name) for name in workload.after.env} == workload.after.env
    assert outcome.after.report["secrets"] == workload.after.secrets
