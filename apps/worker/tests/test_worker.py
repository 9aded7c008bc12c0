"""The worker without Redis: it keeps trying, stays alive, says that it is not ready, and ends when asked."""

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from harbour.connections import connect_redis
from harbour.events import GROUP, STREAM, ArrivalRecorded
from harbour.settings import RedisSettings, SettingsError
from harbour.shutdown import Shutdown
from harbour.totals import CHUNK, TOTALS
from redis.exceptions import ConnectionError as RedisConnectionError
from worker import consumer as consumer_module
from worker.consumer import Consumer, StuckError
from worker.counting import COUNT, script_arguments, script_keys
from worker.settings import load_settings


def _unreachable() -> Consumer:
    # Port 9 of the loopback interface: nothing listens there, so connecting is refused at once.
    return Consumer(connect_redis(RedisSettings(host="127.0.0.1", port=9, password=None), name="test"), "test")


def test_the_script_gets_as_many_keys_and_arguments_as_it_uses() -> None:
    event = ArrivalRecorded(arrival_id=CHUNK + 7, vessel_id=3, berth="N1", cargo_tonnes=120)
    keys, arguments = script_keys(event), script_arguments(event, "5-0")
    assert {int(number) for number in re.findall(r"KEYS\[(\d)\]", COUNT)} == set(range(1, len(keys) + 1))
    assert {int(number) for number in re.findall(r"ARGV\[(\d)\]", COUNT)} == set(range(1, len(arguments) + 1))
    assert keys[0].endswith(":1")
    assert keys[1:4:2] == [TOTALS, STREAM]
    assert arguments[:4] == [7, 3, "berth:N1", 120]
    assert arguments[5:] == [GROUP, "5-0"]


async def test_without_redis_it_keeps_trying_and_ends_at_once_when_asked(caplog: pytest.LogCaptureFixture) -> None:
    consumer = _unreachable()
    shutdown = Shutdown()
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(10):
            running = asyncio.create_task(consumer.run(shutdown))
            while not caplog.records:  # noqa: ASYNC110 - the log is what shows it from outside
                await asyncio.sleep(0.01)
            await consumer.check_loop()
            with pytest.raises(RedisConnectionError):
                await consumer.check_redis()
            shutdown.ask()
            await running
    assert [record.getMessage() for record in caplog.records] == ["redis cannot be used, trying again"]


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"*many\r\n",
        b"*1\r\n$2\r\n\xff\xfe\r\n",
    ],
    ids=["nothing", "loading", "not redis", "not a number", "not text"],
)
async def test_what_answers_and_is_no_redis_that_serves_does_not_end_it(
    says: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while says and await reader.read(4096):
            writer.write(says)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        redis = connect_redis(RedisSettings(host="127.0.0.1", port=port, password=None), name="test")
        shutdown = Shutdown()
        with caplog.at_level(logging.WARNING):
            async with asyncio.timeout(20):
                running = asyncio.create_task(Consumer(redis, "test").run(shutdown))
                while not caplog.records and not running.done():  # noqa: ASYNC110 - the log shows it from outside
                    await asyncio.sleep(0.01)
                shutdown.ask()
                await running
        await redis.aclose()
    assert [record.getMessage() for record in caplog.records] == ["redis cannot be used, trying again"]


async def test_a_loop_that_does_not_turn_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = _unreachable()
    monkeypatch.setattr(consumer_module, "STUCK_SECONDS", -1.0)
    with pytest.raises(StuckError, match="has not turned for"):
        await consumer.check_loop()


def test_production_requires_redis_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"ENVIRONMENT": "production"}, tmp_path)
    assert [problem.variable for problem in caught.value.problems] == ["REDIS_HOST", "REDIS_PASSWORD"]


def test_the_process_says_what_is_missing_and_exits_with_2(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "worker"],
        env={"ENVIRONMENT": "production"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("worker cannot start: 2 settings are missing or wrong\n  REDIS_HOST is not set.")
    assert "Traceback" not in ended.stderr


def test_the_process_ends_with_0_on_sigterm(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"REDIS_PORT": "9", "HEALTH_PORT": str(port), "NO_COLOR": "1", "PATH": os.environ["PATH"]}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "worker"], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "trying again" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert rest.rstrip().endswith("stopped")
