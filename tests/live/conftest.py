"""The dev stack, brought up once, and a browser to look at it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the tests that stop the platform come last."""
    items.sort(key=lambda item: item.path.name == "test_platform.py")


@pytest.fixture(scope="session")
def dev() -> Stack:
    """The dev stack, up and Ready."""
    moorage("up", "dev")
    return running_stack("dev")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if shutil.which("chromium") is None:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "chromium"], check=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
