"""A PostgreSQL or Redis that goes away in whatever way: the answer is 503, never 500, and 200 when it is back.

PostgreSQL is the real one, of Debian's package postgresql; Redis' part is played by servers that answer wrongly.
"""

import asyncio
import collections
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from backend.app import build_app
from backend.settings import load_settings

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), default=Path("/usr/bin/postgres")).parent
NOBODY = 65534
WORKERS = 6
_ARRIVAL = {"vessel": "Aurora", "kind": "tug", "berth": "N1", "cargoTonnes": 1}


class Postgres:
    """A server of its own with a database for the backend."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="backend-postgres-", dir="/tmp"))
        root = os.geteuid() == 0  # PostgreSQL refuses to run as root
        if root:
            os.chown(self.folder, NOBODY, NOBODY)
        self.as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if root else []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        initdb = [PROGRAMS / "initdb", "-D", self.folder / "data", "-U", "harbour", "-A", "trust", "--no-sync"]
        subprocess.run([*self.as_user, *initdb], check=True, capture_output=True, cwd="/tmp")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()
        assert self.sql("CREATE DATABASE harbour") == 0

    def start(self, *settings: str) -> None:
        options = ["listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "fsync=off", *settings]
        command = [PROGRAMS / "postgres", "-D", self.folder / "data", "-p", str(self.port)]
        self.process = subprocess.Popen(
            [*self.as_user, *command, *(part for option in options for part in ("-c", option))],
            cwd="/tmp",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while self.sql("SELECT 1"):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()

    def sql(self, text: str) -> int:
        command = [PROGRAMS / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "harbour", "-d", "postgres"]
        writable = os.environ | {"PGOPTIONS": "-c default_transaction_read_only=off"}
        return subprocess.run([*command, "-c", text], env=writable, check=False, capture_output=True).returncode


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    assert (PROGRAMS / "initdb").exists(), "install PostgreSQL's server: apt-get install postgresql"
    server = Postgres()
    yield server
    server.stop(signal.SIGQUIT)
    shutil.rmtree(server.folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def backend(
    folder: Path, *, database: int = 9, redis: int = 9, pool: int = 4
) -> AsyncIterator[httpx.AsyncClient]:
    """A backend with databases at these ports of loopback; nothing listens at port 9."""
    settings = load_settings(
        {
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(database),
            "DATABASE_POOL_SIZE": str(pool),
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis),
        },
        folder,
    )
    app = build_app(settings, on_fatal=lambda: pytest.fail("a database that is away is not fatal"))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://harbour", timeout=60) as client:
            yield client


async def answers(client: httpx.AsyncClient, path: str = "/api/berths") -> None:
    """Wait until the backend answers."""
    for _ in range(1200):
        if (await client.get(path)).status_code == 200:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{path} was not served again within a minute")


OF_THE_BACKEND = "FROM pg_stat_activity WHERE application_name = 'backend'"


def terminate(postgres: Postgres) -> None:
    postgres.sql(f"SELECT pg_terminate_backend(pid) {OF_THE_BACKEND}")


def cancel(postgres: Postgres) -> None:
    postgres.sql(f"SELECT pg_cancel_backend(pid) {OF_THE_BACKEND}")


def restart(postgres: Postgres) -> None:
    postgres.stop(signal.SIGINT)
    postgres.start()


def crash(postgres: Postgres) -> None:
    postgres.stop(signal.SIGQUIT)
    postgres.start()


def refuse_writes(postgres: Postgres) -> None:
    for change in ("SET default_transaction_read_only = on", "RESET default_transaction_read_only"):
        postgres.sql(f"ALTER SYSTEM {change}")
        postgres.sql("SELECT pg_reload_conf()")
        time.sleep(0.5)


OUTAGES = (terminate, cancel, restart, crash, refuse_writes)


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.__name__)
async def test_requests_are_answered_with_503_while_postgres_is_in_trouble_and_served_afterwards(
    postgres: Postgres, tmp_path: Path, outage: Callable[[Postgres], None]
) -> None:
    statuses: collections.Counter[int] = collections.Counter()
    done = asyncio.Event()

    async def ask(client: httpx.AsyncClient, *, write: bool) -> None:
        while not done.is_set():
            request = client.post("/api/arrivals", json=_ARRIVAL) if write else client.get("/api/arrivals")
            statuses[(await request).status_code] += 1
            await asyncio.sleep(0.001)

    async with backend(tmp_path, database=postgres.port) as client:
        await answers(client)
        asking = [asyncio.create_task(ask(client, write=number % 2 == 0)) for number in range(WORKERS)]
        for _ in range(100):  # a cancellation meets no query where none runs at that moment
            await asyncio.to_thread(outage, postgres)
            await asyncio.sleep(0.1)
            if statuses[503]:
                break
        done.set()
        await asyncio.gather(*asking)
        assert set(statuses) <= {200, 201, 503}, statuses
        assert statuses[503] > 0, statuses
        await answers(client)
        assert (await client.post("/api/arrivals", json=_ARRIVAL)).status_code == 201


async def test_a_pool_that_is_used_up_is_an_outage(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.database.ACQUIRE_TIMEOUT_SECONDS", 0.3)
    async with backend(tmp_path, database=postgres.port, pool=1) as client:
        await answers(client)
        database = client._transport.app.state.services.database  # type: ignore[attr-defined]
        async with database.connection():
            answer = await client.get("/api/berths")
        assert answer.status_code == 503
        assert "TimeoutError" not in answer.text
        assert (await client.get("/api/berths")).status_code == 200


async def test_a_statement_that_is_wrong_is_a_failure_of_ours(postgres: Postgres, tmp_path: Path) -> None:
    async with backend(tmp_path, database=postgres.port) as client:
        await answers(client)
        app = client._transport.app  # type: ignore[attr-defined]

        @app.get("/api/wrong")
        async def wrong() -> None:
            async with app.state.services.database.connection() as connection:
                await connection.execute("SELECT nothing FROM nowhere")

        assert (await client.get("/api/wrong")).status_code == 500


POSTGRES_SAYS = {
    "nothing": b"",
    "starting up": b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0",
    "shutting down": b"SFATAL\0VFATAL\0C57P03\0Mthe database system is shutting down\0\0",
    "too many clients": b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0",
    "no such login": b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0",
    "not postgres": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "silence": None,
}
REDIS_SAYS = {
    "nothing": b"",
    "loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "no login": b"-NOAUTH Authentication required.\r\n",
    "cluster down": b"-CLUSTERDOWN Hash slot not served\r\n",
    "not redis": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "not a number": b"*many\r\n",
    "not text": b"*2\r\n$2\r\n\xff\xfe\r\n$2\r\n\xff\xfe\r\n",
    "half an answer": b"*2\r\n$8\r\narrivals\r\n$",
    "silence": None,
}


@contextlib.asynccontextmanager
async def server(says: bytes | None) -> AsyncIterator[int]:
    """A server that answers whatever it is sent with the same bytes and hangs up, or, with None, never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            if says is None:
                continue
            writer.write(says)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            break
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize("says", POSTGRES_SAYS)
async def test_a_postgres_that_does_not_serve_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setattr("backend.database.CONNECT_TIMEOUT_SECONDS", 0.3)
    answer = POSTGRES_SAYS[says]
    if answer and answer.startswith(b"SFATAL"):
        answer = b"E" + (len(answer) + 4).to_bytes(4, "big") + answer
    async with server(answer) as port, backend(tmp_path, database=port) as client:
        await asyncio.sleep(0.5)
        for path in ("/api/berths", "/api/arrivals", "/api/vessels"):
            assert (await client.get(path)).status_code == 503
        assert (await client.post("/api/arrivals", json=_ARRIVAL)).status_code == 503
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize("says", REDIS_SAYS)
async def test_a_redis_that_does_not_serve_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    monkeypatch.setattr("harbour.connections.ANSWER_TIMEOUT_SECONDS", 0.3)
    async with server(REDIS_SAYS[says]) as port, backend(tmp_path, redis=port) as client:
        answer = await client.get("/api/totals")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert (await client.get("/health/ready")).json()["checks"]["redis"]["status"] == "failed"
