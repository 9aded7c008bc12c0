"""The platform, and a namespace on it that generated services run in."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.properties.cluster import connected
from tests.properties.deployment import NAMESPACE, Deployment
from tests.properties.fleet import Fleet
from tests.properties.lanes import place_of
from tests.support.stack import moorage, session_environment
from tests.support.workbench import workbench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.workbench import Workbench


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the properties in the order of their lanes, and mark each with its own."""
    places: dict[pytest.Item, int] = {}
    for item in items:
        if found := re.match(r"test_property_(\d+)_", item.path.name):
            lane, places[item] = place_of(int(found[1]))
            item.add_marker(lane)
    items.sort(key=lambda item: places.get(item, -1))


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Have the fleet go as soon as no other test wants it; what comes next need not wait for that."""
    wanted = nextitem is not None and "fleet" in getattr(nextitem, "fixturenames", ())
    if not wanted and "fleet" in getattr(item, "fixturenames", ()):
        remove_namespace(session_environment(), wait=False)


def remove_namespace(environment: Mapping[str, str], *, wait: bool = True) -> None:
    """Delete the namespace with all that is in it, where there is one."""
    command = ["kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found", f"--wait={str(wait).lower()}"]
    subprocess.run(command, env=dict(environment), check=True, capture_output=True)


@pytest.fixture(scope="session")
def platform() -> None:
    """The embedded platform, running."""
    moorage("platform", "start")


@pytest.fixture(scope="session")
def fleet(platform: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Generated services on the embedded platform; what a run that was killed left there is removed first."""
    environment = session_environment()
    remove_namespace(environment)
    deployment = Deployment(folder=tmp_path_factory.mktemp("fleet"), environment=environment)
    try:
        with connected(environment, NAMESPACE) as cluster:
            yield Fleet(cluster=cluster, deployment=deployment)
    finally:
        remove_namespace(environment)


@pytest.fixture(scope="session")
def bench(platform: None) -> Iterator[Workbench]:
    """A registry and a builder for generated images, which go with them."""
    with workbench() as found:
        yield found
