"""The first process of every container runs as the user that its service names, never as root, and can do no more.

Of other people's containers the policy pack lets through those that cannot run as root, whatever their image says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.properties import users
from tests.properties.batch import BATCHED, batched
from tests.properties.workloads import workloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.properties.fleet import Fleet, Running
    from tests.properties.workloads import Workload


def started(fleet: Fleet, workloads: Sequence[Workload]) -> list[tuple[Running, int | None]]:
    """Start the services, and the other containers of the examples."""
    others = users.start([workload.identity for workload in workloads])
    return list(zip(fleet.started(workloads), others, strict=True))


# Feature: optimized-container-infrastructure, Property 31: For any production container, the main process should run as
# a non-root user with UID greater than 0.
@pytest.mark.property_test
@batched(started)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_the_main_process_runs_as_the_services_own_user_without_any_privilege(
    workload: Workload, outcome: tuple[Running, int | None]
) -> None:
    running, other = outcome
    assert running.report["pid"] == 1
    status = running.report["status"]
    user = workload.service.run_as_user
    # Real, effective, saved and of the file system.
    assert [int(number) for number in status["Uid"].split()] == [user] * 4
    assert [int(number) for number in status["Gid"].split()] == [user] * 4
    assert {int(number) for number in status["Groups"].split()} <= {user}
    assert user > 0
    assert {name for name in status if name.startswith("Cap") and int(status[name], 16)} == set()
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2", "filters system calls"
    safe = not workload.identity.stopped()
    assert safe == workload.identity.safe
    if safe:
        assert other == (workload.identity.container.user or workload.identity.pod.user)
        assert other
