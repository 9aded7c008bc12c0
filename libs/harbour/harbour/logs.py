"""Structured logging: one JSON object a line in production, coloured lines for people in development."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harbour.settings import Environment

if TYPE_CHECKING:
    from harbour.settings import Common

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def extras(record: logging.LogRecord) -> dict[str, object]:
    """Return what the caller passed as ``extra``."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def describe(error: BaseException) -> str:
    """Return an error's reason in one line; an error without a text is told by its type."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, service, logger, message, the extras, and an error with its stack."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; values that JSON lacks are written as text."""
        entry: dict[str, object] = {
            "time": _moment(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **extras(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = describe(record.exc_info[1])
            entry["stack"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """``12:00:00.000 info    backend.relay  message key=value``, coloured unless ``NO_COLOR`` is set."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, followed by the traceback where there is one."""
        moment = _moment(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        level = self._paint(f"{record.levelname.lower():8}", _COLOURS.get(record.levelname, "0"))
        parts = [self._paint(moment, "2"), level, self._paint(record.name, "36"), record.getMessage()]
        parts += [f"{self._paint(name, '2')}={value}" for name, value in extras(record).items()]
        line = " ".join(parts)
        if record.exc_info and record.exc_info[1] is not None:
            line += "\n" + self.formatException(record.exc_info)
        return line

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def set_up_logging(common: Common, service: str) -> None:
    """Send all logging of the process to standard output in the form of its environment.

    Third-party loggers keep to warnings, as their debug output tells nothing about the harbour.
    """
    handler = logging.StreamHandler(sys.stdout)
    if common.environment is Environment.PRODUCTION:
        handler.setFormatter(JsonFormatter(service))
    else:
        handler.setFormatter(ConsoleFormatter(colour="NO_COLOR" not in os.environ))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    level = common.log_level.upper()
    for name in ("harbour", service):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(max(logging.getLevelName(level), logging.INFO))
