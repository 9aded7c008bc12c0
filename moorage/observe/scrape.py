"""What the watcher offers to be scraped: counts of what it told, and each container's share of its limits."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.observe.entry import Entry

SILENT_SECONDS = 120.0
"""Without an answer of the API server for this long, the watcher is not healthy. A quiet namespace still has bookmarks,
and its usage is read every few seconds."""
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Scraped:
    """Figures of a watcher that runs."""

    entries: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """By message, service, level and reason."""
    shares: list[tuple[str, str, str, float]] = field(default_factory=list)
    """Pod, container, resource, and share of the limit."""
    heard: float = field(default_factory=time.monotonic)
    """When the API server answered last."""

    def count(self, entry: Entry) -> Entry:
        """Count an entry, and return it."""
        # A reason is a label only where it is one of a few: no text of a program's.
        reason = str(entry.fields.get("reason", "")) if entry.message == "container restarted" else ""
        self.entries[entry.message, entry.service, entry.level, reason] += 1
        return entry

    @property
    def healthy(self) -> bool:
        """Whether the API server answered lately."""
        return time.monotonic() - self.heard < SILENT_SECONDS

    def text(self) -> str:
        """Return the figures in Prometheus' format."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield "# TYPE moorage_entries_total counter"
        for (message, service, level, reason), count in sorted(self.entries.items()):
            labels = _labels(message=message, service=service, level=level, reason=reason)
            yield f"moorage_entries_total{{{labels}}} {count}"
        yield "# TYPE moorage_container_limit_share gauge"
        for pod, container, resource, share in self.shares:
            labels = _labels(pod=pod, container=container, resource=resource)
            yield f"moorage_container_limit_share{{{labels}}} {share:.4f}"


def _labels(**labels: str) -> str:
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items() if value)


def serve(scraped: Scraped, port: int) -> ThreadingHTTPServer:
    """Serve ``/metrics`` and ``/health`` on a port, in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            known = self.path in ("/metrics", "/health")
            status = 404 if not known else 200 if self.path == "/metrics" or scraped.healthy else 503
            body = (scraped.text() if self.path == "/metrics" else f"{status}\n").encode()
            self.send_response(status)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: standard output is for entries."""

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
