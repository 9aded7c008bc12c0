"""How far a build of the toolchain is and how long it will still take, told from the processor time of its compilers.

The components differ by a factor of a hundred, so that counting them says little. What a component costs is known from
this machine's last build of it, else from its pinned weight; what it has cost so far the kernel tells at any moment.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.console import duration
from moorage.base.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from moorage.platform.pins import Component

CORES_OF_WEIGHT = 2
"""A weight is seconds on two cores, so half of the processor time."""
_TICKS = os.sysconf("SC_CLK_TCK")
_STEADY = 0.9
"""Up to here a component's share follows its processor time; above it draws nearer to the whole without reaching it."""
_WINDOW_SECONDS = 180.0
_FIRST_ESTIMATE_SECONDS = 10.0
_ROUND_TO_SECONDS = 60


@dataclass
class _Part:
    expected: float
    """Processor seconds, of which the expectation may be wrong."""
    earlier: float = 0.0
    """What its finished commands took."""
    running: float = 0.0
    done: bool = False

    @property
    def spent(self) -> float:
        return self.earlier + self.running

    @property
    def share(self) -> float:
        part = self.spent / self.expected
        rest = 1 - _STEADY
        return 1.0 if self.done else part if part < _STEADY else 1 - rest * math.exp((_STEADY - part) / rest)


class BuildProgress:
    """Share and time left of a build of several components; `sample` must be called every few seconds."""

    def __init__(
        self, components: Iterable[Component], record: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Expect what ``record``, the file kept by earlier builds, says of each component, else its weight."""
        self._record = record
        self._clock = clock
        known = _read(record)
        self._names = {component.name: component.folder for component in components}
        weights = {component.name: component.weight * CORES_OF_WEIGHT for component in components}
        self._parts = {
            name: _Part(expected=max(known.get(folder, weights[name]), 0.001)) for name, folder in self._names.items()
        }
        self._samples: deque[tuple[float, float]] = deque([(clock(), 0.0)])

    def sample(self, sessions: dict[str, int]) -> None:
        """Look at what has been spent, given the session id of the command that runs for each component."""
        used = processor_seconds(set(sessions.values())) if sessions else {}
        for name, session in sessions.items():
            part = self._parts[name]
            part.running = max(part.running, used.get(session, 0.0))
        self._note()

    def command_ended(self, name: str) -> None:
        """Keep what the component's command has used; its next one counts from zero."""
        part = self._parts[name]
        part.earlier, part.running = part.spent, 0.0

    def finished(self, name: str) -> None:
        """Note that a component is built, and keep what it took for the next build on this machine."""
        part = self._parts[name]
        part.done = True
        self._note()
        if part.spent > 0:
            known = _read(self._record) | {self._names[name]: round(part.spent, 1)}
            write_atomic(self._record, json.dumps(known, indent=1))

    @property
    def share(self) -> float:
        """Done part of the whole, from 0 to 1."""
        return self._work() / sum(part.expected for part in self._parts.values())

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at the pace of the last minutes; None where there is no telling yet."""
        (since, before), (now, work) = self._samples[0], self._samples[-1]
        if now - since < _FIRST_ESTIMATE_SECONDS or work <= before:
            return None
        total = sum(part.expected for part in self._parts.values())
        return (total - work) * (now - since) / (work - before)

    def text(self) -> str:
        """Return ``37%, about 9 min left, 3 of 15 built``."""
        left = self.seconds_left
        parts = [f"{min(self.share, 0.99):.0%}"]
        if left is not None:
            rough = math.ceil(left / _ROUND_TO_SECONDS)
            parts.append(f"about {rough} min left" if rough > 1 else f"about {duration(max(left, 1))} left")
        done = sum(part.done for part in self._parts.values())
        return ", ".join([*parts, f"{done} of {len(self._parts)} built"])

    def _work(self) -> float:
        return sum(part.expected * part.share for part in self._parts.values())

    def _note(self) -> None:
        self._samples.append((self._clock(), self._work()))
        while len(self._samples) > 2 and self._samples[-1][0] - self._samples[1][0] > _WINDOW_SECONDS:
            self._samples.popleft()


def processor_seconds(sessions: set[int]) -> dict[int, float]:
    """Return the processor time that the processes of each session have used, those that have ended included."""
    used: dict[int, float] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            session = int(fields[3])
            if session in sessions:
                # Own user and system time, and that of children that were waited for.
                used[session] = used.get(session, 0.0) + sum(map(int, fields[11:15])) / _TICKS
    return used


def _read(record: Path) -> dict[str, float]:
    """Return the processor seconds that earlier builds took, by a component's folder; a damaged file says nothing."""
    try:
        found = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): float(value) for key, value in found.items() if isinstance(value, int | float) and value > 0}
