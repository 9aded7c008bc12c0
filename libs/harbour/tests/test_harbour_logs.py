"""Logs: JSON that a collector can read, and lines that a person can."""

import json
import logging

import pytest
from harbour.logs import ConsoleFormatter, JsonFormatter, describe, set_up_logging
from harbour.settings import Common, Environment, LogLevel


def _record(**extra: object) -> logging.LogRecord:
    record = logging.LogRecord("harbour.x", logging.WARNING, "x.py", 1, "lost %s", ("anchor",), None)
    vars(record).update(extra)
    return record


def test_json_has_one_line_with_extras_and_utc_time() -> None:
    text = JsonFormatter("backend").format(_record(berth="A1", reason="line\nbreak"))
    assert "\n" not in text
    entry = json.loads(text)
    assert (entry["level"], entry["service"], entry["message"]) == ("warning", "backend", "lost anchor")
    assert (entry["berth"], entry["reason"]) == ("A1", "line\nbreak")
    assert entry["time"].endswith("Z")


def test_json_carries_an_error_and_its_stack() -> None:
    def fail() -> None:
        raise OSError("no route\nto host")

    with pytest.raises(OSError, match="no route") as caught:
        fail()
    record = _record(exc_info=(caught.type, caught.value, caught.tb))
    entry = json.loads(JsonFormatter("worker").format(record))
    assert entry["error"] == "OSError: no route to host"
    assert "test_harbour_logs.py" in entry["stack"]


def test_console_lines_are_coloured_only_on_demand() -> None:
    assert "\x1b[33m" in ConsoleFormatter(colour=True).format(_record())
    plain = ConsoleFormatter(colour=False).format(_record(berth="A1"))
    assert "\x1b" not in plain
    assert plain.endswith("warning  harbour.x lost anchor berth=A1")


def test_an_error_without_text_is_described_by_its_type() -> None:
    assert describe(TimeoutError()) == "TimeoutError"


def test_production_logs_json_at_the_level_that_was_set(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        set_up_logging(Common(environment=Environment.PRODUCTION, log_level=LogLevel.WARNING), "backend")
        logging.getLogger("backend.api").info("not shown")
        logging.getLogger("backend.api").warning("shown")
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["shown"]
