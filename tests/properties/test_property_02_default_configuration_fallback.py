"""Whatever is missing in development has its default, and the service runs; in production it is asked for at once."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from backend.app import build_app
from harbour.connections import connect_redis
from harbour.health import HealthCheck
from harbour.settings import Environment, SettingsError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from worker.consumer import Consumer

from tests.properties import isolated
from tests.properties.configuration import BACKEND, WORKER, Choice, Given, at, choices, expected, provide, required

if TYPE_CHECKING:
    from backend.settings import Settings as BackendSettings
    from worker.settings import Settings as WorkerSettings

    from tests.properties.configuration import Program

PROGRAMS = {"backend": BACKEND, "worker": WORKER}


async def runs(backend: BackendSettings, worker: WorkerSettings) -> None:
    """Make what each process runs from its settings, and have it answer its liveness check."""

    def never() -> None:
        raise AssertionError("the backend gave up")

    transport = httpx.ASGITransport(build_app(backend, never))
    async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    redis = connect_redis(worker.redis, name=worker.consumer)
    consumer = Consumer(redis, worker.consumer)
    report = await HealthCheck("liveness", "/health", {"loop": consumer.check_loop}).report()
    assert report.healthy
    told = redis.connection_pool.connection_kwargs
    assert (told["host"], told["port"], told["password"]) == (
        worker.redis.host,
        worker.redis.port,
        worker.redis.password,
    )
    await redis.aclose()


def starts(name: str, program: Program, choice: Choice, folder: Path) -> None:
    """Start the real process on a machine of its own, in development and, where anything is missing, in production."""
    environ = provide(choice, folder)
    port = expected(program, choice)[program.variables[program.port].place]
    url = f"http://127.0.0.1:{port}/health"
    ended = isolated.run(name, url, environ, folder)
    assert (ended["health"], ended["status"]) == (200, 0), ended["errors"]
    missing = required(program, choice)
    refused = isolated.run(name, url, environ | {"ENVIRONMENT": "production"}, folder)
    assert (refused["health"], refused["status"]) == (None, 2), refused["errors"]
    assert [line.split()[0] for line in refused["errors"].splitlines()[1:]] == missing


def production(program: Program, environ: dict[str, str], folder: Path) -> Any | list[str]:
    """Return the settings that production would run with, or the variables that it asks for."""
    try:
        return program.load(environ | {"ENVIRONMENT": "production"}, folder)
    except SettingsError as error:
        return [problem.variable for problem in error.problems]


# Feature: optimized-container-infrastructure, Property 2: For any missing environment variable in development mode, the
# system should use predefined default values and continue operation.
@pytest.mark.property_test
@settings(max_examples=300, deadline=None)
@given(choice=choices(), said=st.booleans(), process=st.just(value=False))
@example(choice={}, said=False, process=True)
@example(choice={"REDIS_HOST": None, "REDIS_PASSWORD": Given("s3cret", "file")}, said=True, process=True)
@example(
    choice={"HTTP_PORT": Given("8123"), "HEALTH_PORT": Given("9001", ".env"), "LOG_LEVEL": Given("ERROR")},
    said=False,
    process=True,
)
def test_whatever_is_missing_in_development_has_its_default_and_the_services_run(
    choice: Choice, *, said: bool, process: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = provide(choice, folder) | ({"ENVIRONMENT": "development"} if said else {})
        loaded = {}
        for service, program in PROGRAMS.items():
            loaded[service] = program.load(environ, folder)
            assert loaded[service].common.environment is Environment.DEVELOPMENT
            wanted = expected(program, choice)
            assert {place: at(loaded[service], place) for place in wanted} == wanted

            answer, missing = production(program, environ, folder), required(program, choice)
            if missing:
                assert answer == missing
            else:
                wanted = expected(program, choice, production=True)
                assert {place: at(answer, place) for place in wanted} == wanted
            if process:
                starts(service, program, choice, folder)
        asyncio.run(runs(loaded["backend"], loaded["worker"]))
