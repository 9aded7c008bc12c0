"""Variables and secrets of any legal form arrive at the process as they were written."""

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


# Feature: optimized-container-infrastructure, Property 13: For any environment variable or .env file, the configuration
# should be correctly loaded and accessible to the application at runtime.
@pytest.mark.property_test
@batched(Fleet.started)
@settings(BATCHED, max_examples=100)
@given(workload=workloads())
def test_settings_and_secrets_reach_the_process_exactly_as_they_were_written(
    workload: Workload, outcome: Running
) -> None:
    environment = outcome.report["environment"]
    assert {name: environment.get(name) for name in workload.before.env} == workload.before.env
    assert outcome.report["secrets"] == workload.before.secrets
    told: dict[str, str] = {"ENVIRONMENT": "development"}
    for need in outcome.needs:
        name, port = need.service.name, need.service.port
        if port is not None:
            values = {"HOST": name, "PORT": str(port), "URL": f"http://{name}:{port}"}
            told |= {f"{name.upper().replace('-', '_')}_{key}": value for key, value in values.items()}
    # What the service sets itself stands.
    told |= {name: workload.before.env[name] for name in told.keys() & workload.before.env.keys()}
    assert {name: environment.get(name) for name in told} == told
    for name in workload.before.secrets:
        assert environment.get(f"{name}_FILE") == f"/run/secrets/moorage/{name}"
