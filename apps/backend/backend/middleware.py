"""Around every request: an id, a limit on the body, one line in the log, and no traceback for the client."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from harbour.revision import revision_headers
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from backend.errors import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 64 * 1024

_TOO_LARGE = f"The body exceeds {MOST_BODY_BYTES} bytes."
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger(__name__)


class RequestMiddleware:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["request_id"] = _request_id(headers.get("x-request-id", ""))
        exchange = _Exchange(scope, send)
        try:
            if int(headers.get("content-length", 0)) > MOST_BODY_BYTES:
                await problem(413, _TOO_LARGE, request_id=scope["request_id"])(scope, receive, exchange.send)
            else:
                await self._app(scope, _limited(receive), exchange.send)
        except Exception:  # noqa: BLE001 - the client must get an answer whatever went wrong
            _log.exception("request failed", extra={"request_id": scope["request_id"], "path": scope["path"]})
            if exchange.status is None:
                detail = "The server failed on this request; its log tells more under this request id."
                await problem(500, detail, request_id=scope["request_id"])(scope, receive, exchange.send)
        finally:
            exchange.write_log()


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.status: int | None = None
        self._scope = scope
        self._send = send
        self._start = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send a part of the answer, with the headers that all answers have."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self._scope["request_id"]
            headers.setdefault("Cache-Control", "no-store")
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.update(revision_headers())
        await self._send(message)

    def write_log(self) -> None:
        """Write the access log's line. Probes that pass are written at level debug only."""
        passed = self.status is not None and self.status < 400
        level = logging.DEBUG if passed and self._scope["path"].startswith("/health") else logging.INFO
        client = self._scope.get("client")
        extra = {
            "method": self._scope["method"],
            "path": self._scope["path"],
            "status": self.status,
            "milliseconds": round((time.perf_counter() - self._start) * 1000, 1),
            "client": client[0] if client else None,
            "request_id": self._scope["request_id"],
        }
        if "failure" in self._scope:
            extra["failure"] = self._scope["failure"]
        _log.log(level, "request", extra=extra)


def _request_id(given: str) -> str:
    """Return the caller's id where it is harmless in a log, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _limited(receive: Receive) -> Receive:
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return limited
