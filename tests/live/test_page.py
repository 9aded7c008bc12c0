"""What a person sees: the page shows data that went through ingress, frontend, backend, Redis and Postgres."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.support.stack import Stack, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.live


@pytest.fixture
def page(browser: Browser, dev: Stack) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://{dev.host}:{os.environ.get('MOORAGE_HTTP_PORT', '8080')}")
    page = context.new_page()
    yield page
    context.close()


def add_arrival(dev: Stack, vessel: str) -> int:
    with dev.http() as client:
        arrival = {"vessel": vessel, "kind": "bulk", "berth": "E1", "cargoTonnes": 1200}
        answer = client.post("/api/arrivals", json=arrival)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def totals(dev: Stack) -> int:
    with dev.http() as client:
        return int(client.get("/api/totals").json()["arrivals"])


def shows(page: Page, vessel: str) -> bool:
    page.goto("/")
    page.get_by_test_id("arrival-row").first.wait_for(timeout=15_000)
    return page.get_by_test_id("arrival-row").filter(has_text=vessel).count() == 1


def test_an_entry_is_on_the_page_before_and_after_every_pod_was_restarted(dev: Stack, page: Page) -> None:
    vessel = f"Aurora {uuid.uuid4().hex[:8]}"
    before = totals(dev)
    add_arrival(dev, vessel)
    assert shows(page, vessel)
    eventually(lambda: totals(dev) == before + 1, seconds=15, what="the worker's count")

    old = {pod["metadata"]["uid"] for pod in dev.pods()}
    dev.kubectl("delete", "pods", "--all", "--wait=true", "--timeout=90s")
    eventually(lambda: all_ready(dev, old), seconds=120, what="all new pods Ready")
    eventually(lambda: shows(page, vessel), seconds=30, what="the entry on the page")
    eventually(lambda: totals(dev) == before + 1, seconds=15, what="the totals after the restart")


def all_ready(dev: Stack, old: set[str]) -> bool:
    pods = dev.pods()
    new = [pod for pod in pods if pod["metadata"]["uid"] not in old]
    conditions = [c for pod in new for c in pod["status"].get("conditions", []) if c["type"] == "Ready"]
    ready = [condition for condition in conditions if condition["status"] == "True"]
    return len(new) == len(pods) == len(old) == len(ready)


def test_an_entry_can_be_added_on_the_page_itself(dev: Stack, page: Page) -> None:
    vessel = f"Borealis {uuid.uuid4().hex[:8]}"
    page.goto("/")
    form = page.get_by_test_id("add-arrival-form")
    form.wait_for(timeout=15_000)
    form.get_by_label("Vessel").fill(vessel)
    form.get_by_role("button").last.click()
    page.get_by_test_id("arrival-row").filter(has_text=vessel).wait_for(timeout=15_000)
    with dev.http() as client:
        assert vessel in client.get("/api/arrivals").text


def test_the_page_has_no_errors_in_its_console(dev: Stack, page: Page) -> None:
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto("/")
    page.get_by_test_id("totals").wait_for(timeout=15_000)
    assert messages == []
