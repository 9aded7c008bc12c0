"""Every check of every service succeeds as soon as all services have started, as the kubelet itself performs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties.batch import BATCHED, batched
from tests.properties.fleet import Fleet
from tests.properties.workloads import LIVENESS, READINESS, STARTUP, workloads

if TYPE_CHECKING:
    from tests.properties.fleet import Running
    from tests.properties.workloads import Workload


# Feature: optimized-container-infrastructure, Property 1: For any service configuration, when all services complete
# startup, all health checks should return success status.
@pytest.mark.property_test
@batched(Fleet.started)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_all_health_checks_succeed_once_all_services_have_started(workload: Workload, outcome: Running) -> None:
    assert outcome.pod.ready_since, f"never became Ready\n{outcome.trouble}"
    assert outcome.pod.restarts == 0
    then, now = outcome.checked
    assert now.succeeded[STARTUP] == workload.service.startup_probe.success_threshold
    for role in (LIVENESS, READINESS):
        assert now.succeeded[role] > then.succeeded[role], f"{role} was not performed again"
    assert now.failed == then.failed
