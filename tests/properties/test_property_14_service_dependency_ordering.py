"""What a service needs is healthy before the service starts, however long that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED, batched
from tests.properties.fleet import Fleet
from tests.properties.workloads import workloads

if TYPE_CHECKING:
    from tests.properties.fleet import Running
    from tests.properties.workloads import Workload


# Feature: optimized-container-infrastructure, Property 14: For any service with health check dependencies, the
# dependent service should not start until all dependency health checks pass.
@pytest.mark.property_test
@batched(Fleet.started)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_no_service_starts_before_all_that_it_needs_is_healthy(workload: Workload, outcome: Running) -> None:
    assert workload.picks
    assert outcome.needs
    for need in outcome.needs:
        assert need.pod.ready_since
        assert outcome.pod.created >= need.pod.ready_since, f"was created before {need.service.name} was Ready"
        # The process's own clock, as Kubernetes tells times in whole seconds.
        healthy = max(need.report["healthySince"].values())
        assert outcome.report["started"] > healthy, f"ran before {need.service.name} was healthy"
