"""Health checks: run at most once in a while, bounded in time, and able to say which of them fails and why."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harbour.logs import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Check = Callable[[], Awaitable[None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one check said; `reason` is empty where it passed."""

    reason: str
    milliseconds: float

    @property
    def healthy(self) -> bool:
        """Whether the check passed."""
        return not self.reason


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcomes of all checks by name."""

    outcomes: Mapping[str, Outcome]

    @property
    def healthy(self) -> bool:
        """Whether every check passed."""
        return all(outcome.healthy for outcome in self.outcomes.values())

    def body(self) -> dict[str, object]:
        """Return the report as a probe's answer shows it."""
        return {
            "status": "ok" if self.healthy else "unavailable",
            "checks": {
                name: {"status": "ok", "milliseconds": outcome.milliseconds}
                if outcome.healthy
                else {"status": "failed", "reason": outcome.reason, "milliseconds": outcome.milliseconds}
                for name, outcome in self.outcomes.items()
            },
        }


class HealthCheck:
    """A kind of health check behind one endpoint.

    `ttl` is for how many seconds a report is given again, so that many probes cost as much as one; `timeout` is what
    each check may take. A check passes by returning and fails by raising; the checks of one run go side by side.
    """

    def __init__(
        self, kind: str, endpoint: str, checks: Mapping[str, Check], *, ttl: float = 1.0, timeout: float = 1.0
    ) -> None:
        self.endpoint = endpoint
        self._kind = kind
        self._checks = checks
        self._ttl = ttl
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._report = Report(outcomes={})
        self._until = 0.0

    async def report(self) -> Report:
        """Return the current report, from new checks where the last one is too old."""
        async with self._lock:
            if time.monotonic() >= self._until:
                names = list(self._checks)
                outcomes = await asyncio.gather(*(self._run(name) for name in names))
                self._report = Report(outcomes=dict(zip(names, outcomes, strict=True)))
                self._until = time.monotonic() + self._ttl
            return self._report

    async def _run(self, name: str) -> Outcome:
        start = time.perf_counter()
        reason = ""
        try:
            async with asyncio.timeout(self._timeout):
                await self._checks[name]()
        except TimeoutError:
            reason = f"no answer within {self._timeout:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its verdict
            reason = describe(error)
        outcome = Outcome(reason=reason, milliseconds=round((time.perf_counter() - start) * 1000, 1))
        if reason:
            _log.warning(
                "health check failed",
                extra={"check": self._kind, "endpoint": self.endpoint, "dependency": name, "reason": reason},
            )
        return outcome
