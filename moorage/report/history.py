"""BuildKit's history of builds, asked through buildx."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moorage.report.records import build_of, documents, moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from moorage.report.model import Build

SECONDS = 30
PROVENANCE = "https://slsa.dev/provenance/v1"
_DONE = "Completed"


@dataclass(frozen=True, kw_only=True, order=True)
class Listed:
    """A build as the list of all has it; ``name`` is made of context, Dockerfile and target."""

    created: dt.datetime
    reference: str
    name: str


@dataclass(frozen=True, kw_only=True)
class History:
    """The records of one builder."""

    command: Sequence[str]
    """What runs buildx: its path, or ``docker buildx``."""
    builder: str
    environment: Mapping[str, str] = field(repr=False)

    def completed(self) -> list[Listed]:
        """Return the builds that succeeded, the oldest first; none where the builder does not answer."""
        found = [
            Listed(
                created=moment(entry["created_at"]),
                reference=entry["ref"].rpartition("/")[2],
                name=entry.get("name", ""),
            )
            for entry in documents(self._run("ls", "--format=json"))
            if entry.get("status") == _DONE
        ]
        return sorted(found)

    def inspected(self, reference: str) -> dict[str, Any]:
        """Return buildx's record of a build; empty where there is none any more."""
        found = list(documents(self._run("inspect", reference, "--format=json")))
        return found[0] if found else {}

    def build(self, image: str, inspected: Mapping[str, Any]) -> Build | None:
        """Return a build whole; None where a part of its record is gone."""
        reference = inspected["Ref"]
        progress = self._run("logs", reference, "--progress=rawjson")
        provenance = list(documents(self._run("inspect", "attachment", reference, "--type", PROVENANCE)))
        if not progress or not provenance:
            return None
        return build_of(image, inspected, progress, provenance[0])

    def _run(self, *arguments: str) -> str:
        try:
            result = subprocess.run(
                [*self.command, f"--builder={self.builder}", "history", *arguments],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        # buildx prints logs to standard error.
        return "" if result.returncode else result.stdout or result.stderr
