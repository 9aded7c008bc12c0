"""Package registries on loopback: what they are asked for and when, and the answers that a test wants them to give."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Answer = tuple[int, bytes]
"""Status and content; with status 0 the connection is closed without an answer."""
NO_PROXY = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")


@dataclass
class Served:
    """A server, and what it was asked."""

    url: str
    requests: list[tuple[str, float]] = field(default_factory=list)
    """Paths, and seconds of a monotonic clock."""


@contextmanager
def served(answer: Callable[[str, str], Answer]) -> Iterator[Served]:
    """Serve what ``answer`` returns for the server's address and a path, on a port of loopback that is free."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requests.append((self.path, time.monotonic()))
            status, content = answer(found.url, unquote(self.path))
            self.close_connection = True
            if not status:
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Served(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()


def npm_registry(packages: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Callable[[str, str], Answer]:
    """Return the answers of a registry of npm, of the dependencies of each version of each package."""

    def answer(url: str, path: str) -> Answer:
        name, _, file = path.removeprefix("/").partition("/-/")
        if name not in packages:
            return 404, b"{}"
        if file:
            return 200, _tarball(name, file.removeprefix(f"{name}-").removesuffix(".tgz"))
        versions = {
            version: {
                "name": name,
                "version": version,
                "dependencies": dict(needed),
                "dist": {"tarball": f"{url}/{name}/-/{name}-{version}.tgz", "integrity": _integrity(name, version)},
            }
            for version, needed in packages[name].items()
        }
        latest = {"latest": list(versions)[-1]}
        return 200, json.dumps({"name": name, "dist-tags": latest, "versions": versions}).encode()

    return answer


def _tarball(name: str, version: str) -> bytes:
    content = json.dumps({"name": name, "version": version}).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    # Unpacked all the same: npm looks at the content, not at the name.
    return packed.getvalue()


def _integrity(name: str, version: str) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(_tarball(name, version)).digest()).decode()
