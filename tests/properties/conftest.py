"""The platform, and a namespace on it that generated services run in."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.properties.cluster import connected
from tests.properties.deployment import NAMESPACE, Deployment
from tests.properties.fleet import Fleet
from tests.support.stack import moorage, session_environment
from tests.support.workbench import workbench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.workbench import Workbench


def remove_namespace(environment: Mapping[str, str]) -> None:
    """Delete the namespace with all that is in it, where there is one."""
    command = ["kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait"]
    subprocess.run(command, env=dict(environment), check=True, capture_output=True)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Generated services on the embedded platform; what a run that was killed left there is removed first."""
    moorage("platform", "start")
    environment = session_environment()
    remove_namespace(environment)
    deployment = Deployment(folder=tmp_path_factory.mktemp("fleet"), environment=environment)
    try:
        with connected(environment, NAMESPACE) as cluster:
            yield Fleet(cluster=cluster, deployment=deployment)
    finally:
        remove_namespace(environment)


@pytest.fixture(scope="session")
def bench() -> Iterator[Workbench]:
    """A registry and a builder for generated images, which go with them."""
    moorage("platform", "start")
    with workbench() as found:
        yield found
