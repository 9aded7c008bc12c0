"""The dev stack and a copy of it to change, each brought up once, and a browser to look at them.

A test that only looks takes ``dev``; one that changes files, settings or objects takes ``copy``.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.live.lanes import LANES, lane_of
from tests.live.one_line import OneLine
from tests.support.checkout import Checkout
from tests.support.stack import Stack, moorage, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


COPY = "dev-copy"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its lane, and bring them in that order: those that stop the platform come last."""
    own = [item for item in items if item.path.parent.name == "live"]
    lanes = {item: lane_of(item) for item in own}
    for item, lane in lanes.items():
        item.add_marker(lane)
    items.sort(key=lambda item: LANES.index(lanes[item]) if item in lanes else -1)


@pytest.fixture(scope="session")
def dev() -> Stack:
    """The dev stack, up and Ready."""
    moorage("up", "dev")
    return running_stack("dev")


@pytest.fixture(scope="session")
def shared_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy of the repository with a stack like dev; in whatever state the test before has left it."""
    moorage("platform", "start")
    checkout = Checkout.copied(tmp_path_factory.mktemp("copy"), COPY, judged=True)
    yield checkout
    checkout.down()


@pytest.fixture
def copy(shared_copy: Checkout) -> Checkout:
    """A copy of the repository as it is, its stack up: to be changed at will, as the next test gets it whole again."""
    shared_copy.whole()
    return shared_copy


@pytest.fixture(scope="session")
def one_line(shared_copy: Checkout) -> OneLine:
    """What one changed line of a service and an update did, and taking it back."""
    return OneLine.of(shared_copy)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if shutil.which("chromium") is None:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
