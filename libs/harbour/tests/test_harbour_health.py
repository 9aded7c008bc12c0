"""Health checks, the probes' server, back-off and shutdown."""

import asyncio
import json
import logging
import os
import signal

import pytest
from harbour.backoff import Backoff
from harbour.health import HealthCheck
from harbour.health_server import CannotListenError, serve_health
from harbour.shutdown import Shutdown
from hypothesis import given
from hypothesis import strategies as st


async def _passes() -> None:
    return None


async def _refuses() -> None:
    raise ConnectionRefusedError("nobody listens at postgres:5432")


async def _hangs() -> None:
    await asyncio.Event().wait()


async def test_a_report_names_the_failing_dependency_and_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    check = HealthCheck("readiness", "/health/ready", {"redis": _passes, "postgres": _refuses})
    with caplog.at_level(logging.WARNING):
        report = await check.report()
    assert not report.healthy
    reason = "ConnectionRefusedError: nobody listens at postgres:5432"
    assert report.outcomes["redis"].healthy
    assert report.outcomes["postgres"].reason == reason
    (record,) = caplog.records
    assert (
        vars(record).items()
        >= {
            "check": "readiness",
            "endpoint": "/health/ready",
            "dependency": "postgres",
            "reason": reason,
        }.items()
    )


async def test_a_check_that_hangs_fails_after_its_timeout() -> None:
    report = await HealthCheck("readiness", "/r", {"redis": _hangs}, timeout=0.02).report()
    assert report.outcomes["redis"].reason == "no answer within 0.02 s"


async def test_many_probes_at_once_run_the_checks_once() -> None:
    runs = 0

    async def count() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)

    check = HealthCheck("readiness", "/r", {"count": count}, ttl=60)
    await asyncio.gather(*(check.report() for _ in range(20)))
    assert runs == 1


async def test_an_old_report_is_renewed() -> None:
    answers = iter([_refuses, _passes])

    async def alternate() -> None:
        await next(answers)()

    check = HealthCheck("readiness", "/r", {"x": alternate}, ttl=0)
    assert not (await check.report()).healthy
    assert (await check.report()).healthy


async def _ask(port: int, request: bytes) -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body else {}


async def test_the_probe_server_answers_200_503_and_what_is_no_endpoint() -> None:
    checks = [
        HealthCheck("liveness", "/health", {"loop": _passes}),
        HealthCheck("readiness", "/ready", {"x": _refuses}),
    ]
    async with serve_health(checks, host="127.0.0.1", port=0) as port:
        status, body = await _ask(port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (status, body["status"]) == (200, "ok")
        status, body = await _ask(port, b"GET /ready?verbose HTTP/1.1\r\n\r\n")
        assert (status, body["status"]) == (503, "unavailable")
        assert (await _ask(port, b"HEAD /health HTTP/1.1\r\n\r\n")) == (200, {})
        assert (await _ask(port, b"GET /else HTTP/1.1\r\n\r\n"))[0] == 404
        assert (await _ask(port, b"POST /health HTTP/1.1\r\n\r\n"))[0] == 405
        assert (await _ask(port, b"nonsense\r\n\r\n"))[0] == 400
        assert (await _ask(port, b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n"))[0] == 400


async def test_a_port_that_is_taken_is_named() -> None:
    async with serve_health([], host="127.0.0.1", port=0) as port:
        with pytest.raises(CannotListenError, match=f"cannot be served on 127.0.0.1:{port}: .*address already in use"):
            async with serve_health([], host="127.0.0.1", port=port):
                pass


async def test_sigterm_ends_a_pause_at_once() -> None:
    with Shutdown() as shutdown:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await shutdown.pause(60)
        assert shutdown.asked


@given(st.integers(min_value=1, max_value=10**6))
def test_backoff_stays_within_its_bounds(attempt: int) -> None:
    delay = Backoff(first=0.1, most=5).delay(attempt)
    assert 0 < delay <= min(5, 0.1 * 2 ** min(attempt - 1, 40))
