"""Ending on SIGTERM and SIGINT after the work in hand."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Self

_log = logging.getLogger(__name__)


class Shutdown:
    """Becomes set at the first SIGTERM or SIGINT; use it as a context manager inside the running loop."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    @property
    def asked(self) -> bool:
        """Whether the process is to end."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask the process to end, as a signal would."""
        self._asked.set()

    async def pause(self, seconds: float) -> None:
        """Sleep, but not longer than until the process is asked to end."""
        try:
            await asyncio.wait_for(self._asked.wait(), timeout=seconds)
        except TimeoutError:
            return

    def _on_signal(self, number: signal.Signals) -> None:
        _log.info("asked to stop", extra={"signal": number.name})
        self.ask()
