"""A few lines of HTTP for the probes of a process that serves nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from harbour.logs import describe
from harbour.revision import revision_headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from harbour.health import HealthCheck

_MOST_HEADER_BYTES = 8192
_REQUEST_SECONDS = 5.0
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}


class CannotListenError(Exception):
    """The address is taken, or is none of this machine's."""


@contextlib.asynccontextmanager
async def serve_health(checks: Iterable[HealthCheck], *, host: str, port: int) -> AsyncIterator[int]:
    """Answer GET and HEAD at each check's endpoint with its report: 200 or 503. Gives the port, also for `port` 0.

    Raises `CannotListenError` where the address cannot be had.
    """
    by_endpoint = {check.endpoint: check for check in checks}

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                writer.write(await _answer(reader, by_endpoint))
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    try:
        server = await asyncio.start_server(handle, host, port, limit=_MOST_HEADER_BYTES)
    except OSError as error:
        raise CannotListenError(f"the health checks cannot be served on {host}:{port}: {describe(error)}") from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, checks: dict[str, HealthCheck]) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        return _response(400, {"status": "not understood"})
    if method not in {"GET", "HEAD"}:
        return _response(405, {"status": "method not allowed"})
    check = checks.get(target.partition("?")[0])
    if check is None:
        return _response(404, {"status": "not found", "endpoints": sorted(checks)})
    report = await check.report()
    return _response(200 if report.healthy else 503, report.body(), with_body=method == "GET")


def _response(status: int, body: dict[str, object], *, with_body: bool = True) -> bytes:
    content = json.dumps(body).encode()
    further = "".join(f"{name}: {value}\r\n" for name, value in revision_headers().items())
    head = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nCache-Control: no-store\r\n{further}Connection: close\r\n\r\n"
    )
    return head.encode() + (content if with_body else b"")
