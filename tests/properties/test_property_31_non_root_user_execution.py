"""The first process of every container runs as the user that its service names, never as root, and can do no more."""

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


# Feature: optimized-container-infrastructure, Property 31: For any production container, the main process should run as
# a non-root user with UID greater than 0.
@pytest.mark.property_test
@batched(Fleet.started)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_the_main_process_runs_as_the_services_own_user_without_any_privilege(
    workload: Workload, outcome: Running
) -> None:
    assert outcome.report["pid"] == 1
    status = outcome.report["status"]
    user = workload.service.run_as_user
    # Real, effective, saved and of the file system.
    assert [int(number) for number in status["Uid"].split()] == [user] * 4
    assert [int(number) for number in status["Gid"].split()] == [user] * 4
    assert {int(number) for number in status["Groups"].split()} <= {user}
    assert user > 0
    assert {name for name in status if name.startswith("Cap") and int(status[name], 16)} == set()
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2", "filters system calls"
