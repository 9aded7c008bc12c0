"""The API without its databases: it is alive, says what is missing, and checks what it is sent."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from backend.app import build_app
from backend.middleware import MOST_BODY_BYTES
from backend.settings import load_settings
from fastapi import FastAPI

_ARRIVAL: dict[str, Any] = {"vessel": "Aurora", "kind": "tug", "berth": "N1", "cargoTonnes": 0}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    # Port 9 of the loopback interface: nothing listens there, so connecting is refused at once.
    settings = load_settings(
        {"DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": "9", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "9"}, tmp_path
    )
    app = build_app(settings, on_fatal=lambda: pytest.fail("a database that is away is not fatal"))

    @app.get("/api/broken")
    async def broken() -> None:
        raise RuntimeError("password=hunter2")

    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://harbour") as client:
        yield client


async def test_the_process_is_alive_without_its_databases(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_readiness_names_both_databases_and_their_reasons(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="harbour.health"):
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert {name: check["status"] for name, check in checks.items()} == {"postgres": "failed", "redis": "failed"}
    assert "127.0.0.1:9" in checks["redis"]["reason"]
    logged = [vars(record) for record in caplog.records if record.name == "harbour.health"]
    assert {(entry["check"], entry["endpoint"], entry["dependency"]) for entry in logged} == {
        ("readiness", "/health/ready", "postgres"),
        ("readiness", "/health/ready", "redis"),
    }


@pytest.mark.parametrize("path", ["/api/arrivals", "/api/berths", "/api/vessels", "/api/totals"])
async def test_without_databases_reading_is_answered_with_503_and_no_address(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["detail"].endswith("does not answer at the moment; try again in a few seconds.")
    assert "127.0.0.1" not in answer.text


async def test_a_valid_arrival_is_refused_only_because_the_database_is_away(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/arrivals", json=_ARRIVAL)).status_code == 503


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"vessel": "  "}, "vessel"),
        ({"vessel": "x" * 61}, "vessel"),
        ({"vessel": "Aur\u0000ora"}, "vessel"),
        ({"kind": "submarine"}, "kind"),
        ({"berth": "n1; DROP TABLE"}, "berth"),
        ({"cargoTonnes": -1}, "cargoTonnes"),
        ({"cargoTonnes": 600_001}, "cargoTonnes"),
        ({"cargoTonnes": "many"}, "cargoTonnes"),
        ({"note": "x" * 281}, "note"),
        ({"arrivedAt": "2999-01-01T00:00:00Z"}, "arrivedAt"),
        ({"arrivedAt": "2020-01-01T00:00:00"}, "arrivedAt"),
        ({"cargo": 3}, "cargo"),
    ],
)
async def test_an_invalid_arrival_is_refused_with_the_field_at_fault(
    client: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await client.post("/api/arrivals", json=_ARRIVAL | change)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert field in answer.json()["detail"]


async def test_what_is_no_json_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/arrivals", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


async def test_an_idempotency_key_must_be_a_uuid(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/arrivals", json=_ARRIVAL, headers={"Idempotency-Key": "twice"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "idempotency-key"


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=0", "before=99999999999999999999"])
async def test_a_page_outside_its_bounds_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/api/arrivals?{query}")).status_code == 422


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    declared = await client.post("/api/arrivals", content=b" " * (MOST_BODY_BYTES + 1))
    assert declared.status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MOST_BODY_BYTES // 1024 + 1):
            yield b" " * 1024

    chunked = await client.post("/api/arrivals", content=chunks())
    assert chunked.status_code == 413


async def test_a_failure_of_ours_shows_no_traceback_and_is_found_in_the_log_by_its_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/api/broken", headers={"X-Request-Id": "probe-7"})
    assert answer.status_code == 500
    assert answer.json()["requestId"] == answer.headers["x-request-id"] == "probe-7"
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    failed = [record for record in caplog.records if record.getMessage() == "request failed"]
    assert [vars(record)["request_id"] for record in failed] == ["probe-7"]
    assert failed[0].exc_info is not None


async def test_a_request_id_that_could_forge_log_lines_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health", headers={"X-Request-Id": "a b\tc"})
    assert len(answer.headers["x-request-id"]) == 32


async def test_unknown_paths_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    for answer, status in ((await client.get("/api/nothing"), 404), (await client.put("/api/arrivals"), 405)):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.text)["requestId"]


async def test_requests_are_logged_and_passing_probes_are_not(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="backend.middleware"):
        await client.get("/health")
        await client.get("/api/nothing?secret=1")
    lines = [vars(record) for record in caplog.records if record.name == "backend.middleware"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [("GET", "/api/nothing", 404)]


async def test_the_app_ends_while_the_database_is_still_awaited(app: FastAPI) -> None:
    services = app.state.services
    async with asyncio.timeout(5):
        await services.relay.flush()  # what the end of the process does, with nothing to connect to
