"""The watcher against an API server: it lists, follows, and goes on after what cut it off."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from moorage.observe import api, scrape
from moorage.observe.entry import CHECK_FAILED, FIELDS, RESTARTED, Entry
from moorage.observe.restarts import REASONS
from moorage.observe.scrape import Scraped, serve
from moorage.observe.watcher import Watcher
from tests.unit.observe_samples import START, ended, event, moment, pod

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

Thing = dict[str, Any]
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "observability.md").read_text()


class Cluster:
    """An API server that answers each list once with what it is given, and each watch with one list of changes."""

    def __init__(self) -> None:
        self.listed: dict[str, list[list[Thing]]] = {}
        self.changes: dict[str, list[list[Thing]]] = {}
        self.asked: list[str] = []
        self.enough = threading.Event()

    def answer(self, path: str) -> bytes:
        """Return what a path answers; a watch without further changes stays open."""
        kind = path.partition("?")[0].rsplit("/", 1)[1] if "metrics.k8s.io" not in path else "usage"
        self.asked.append(path)
        if "watch=true" not in path:
            lists = self.listed.get(kind, [[]])
            items = lists.pop(0) if len(lists) > 1 else lists[0]
            return json.dumps({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": items}).encode()
        if not self.changes.get(kind):
            self.enough.wait(10)
            return b""
        return b"".join(json.dumps(change).encode() + b"\n" for change in self.changes[kind].pop(0))


@contextmanager
def served(cluster: Cluster) -> Iterator[str]:
    """Serve a cluster and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = cluster.answer(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        cluster.enough.set()
        server.shutdown()


def change(kind: str, thing: Thing, version: str = "8") -> Thing:
    return {"type": kind, "object": {**thing, "metadata": {**thing.get("metadata", {}), "resourceVersion": version}}}


def test_what_was_listed_and_what_changes_is_told_and_a_watch_that_expired_begins_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "_PAUSE_SECONDS", 0.01)
    cluster, before = Cluster(), pod(livenessProbe=None, startupProbe=None)
    for probe in ("livenessProbe", "startupProbe"):
        del before["spec"]["containers"][0][probe]
    once, twice = ended(before, finished=5), ended(before, finished=9, restarts=2)
    gone = {"type": "ERROR", "object": {"code": 410}}
    cluster.listed["pods"] = [[before], [twice]]
    cluster.changes["pods"] = [
        [change("MODIFIED", once), {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}],
        [gone],
    ]
    failing = event(before, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    cluster.changes["events"] = [[change("ADDED", failing)]]
    with served(cluster) as address:
        entries = Watcher(api.Api(address), "harbour-dev", START).run()
        found = [next(entries) for _ in range(3)]
    assert sorted((one.message, one.fields.get("restarts") or 0) for one in found) == [
        (RESTARTED, 1),
        (RESTARTED, 2),
        (CHECK_FAILED, 0),
    ]
    # The second watch went on from the bookmark; after 410 the list was read again.
    watches = [path for path in cluster.asked if path.startswith("/api/v1/namespaces/harbour-dev/pods?")]
    assert ["resourceVersion=7" in watches[0], "resourceVersion=9" in watches[1]] == [True, True]


def test_the_figures_to_scrape_hold_no_text_of_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    scraped = Scraped()
    for reason in ("oom", "crash", "oom"):
        scraped.count(Entry(time=START, message=RESTARTED, service="worker", level="error", fields={"reason": reason}))
    scraped.count(
        Entry(time=moment(1), message=CHECK_FAILED, service='a"b', level="warning", fields={"reason": "secret text"})
    )
    scraped.shares = [("worker-1", "worker", "memory", 0.5)]
    server = serve(scraped, 0)
    client = httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False)
    text = client.get("/metrics").text
    assert 'moorage_entries_total{message="container restarted",service="worker",level="error",reason="oom"} 2' in text
    assert 'moorage_entries_total{message="health check failed",service="a\\"b",level="warning"} 1' in text
    assert 'moorage_container_limit_share{pod="worker-1",container="worker",resource="memory"} 0.5000' in text
    assert client.get("/health").status_code == 200
    monkeypatch.setattr(scrape, "SILENT_SECONDS", -1.0)
    assert client.get("/health").status_code == 503
    assert client.get("/elsewhere").status_code == 404
    server.shutdown()


def test_the_page_lists_every_message_with_its_fields_and_every_reason() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
    ]
    messages = {row[0].strip("`"): tuple(re.findall(r"`(\w+)`", row[2])) for row in rows if len(row) == 4}
    assert messages == FIELDS
    assert {row[0].strip("`"): row[1] for row in rows if len(row) == 2} == REASONS
