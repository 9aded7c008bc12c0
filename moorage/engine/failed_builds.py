"""Why an image did not build, from BuildKit's own record: the step and its stage, the line, the last output."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from moorage.base import console
from moorage.base.errors import Location, Problem
from moorage.engine.logtext import readable
from moorage.engine.unresolved import unresolved

if TYPE_CHECKING:
    from moorage.engine.session import Session

OUTPUT_LINES = 10
_MARGIN = 4
SECONDS = 15
_STEP = re.compile(r"^#(\d+) \[")
_LINE = re.compile(r"^Dockerfile[^:]*:(\d+)")
_STAGED = re.compile(r"(?:.*/)?\.moorage/contexts/[^/]+/[^/]+/")
_SHELL_EXIT = re.compile(r"process .* did not complete successfully: exit code: (\d+)")


def failed(session: Session, since: dt.datetime) -> list[Problem]:
    """Return a problem for each build that failed after ``since``; none where the builder does not answer."""
    listed = _buildx(session, "ls", "--format=json", "--filter=status=error")
    records = [json.loads(line) for line in listed.splitlines() if line.startswith("{")]
    recent = [record for record in records if dt.datetime.fromisoformat(record["created_at"]) >= since]
    return [found for record in recent if (found := _problem(session, record["ref"].rpartition("/")[2]))]


def _problem(session: Session, reference: str) -> Problem | None:
    inspected = _buildx(session, "inspect", reference, "--format=json")
    try:
        record = json.loads(inspected)
        error = record["Error"]
    except (ValueError, KeyError):
        return None
    return problem(record["Dockerfile"], error, _buildx(session, "logs", reference, "--progress=plain"))


def problem(dockerfile: str, error: dict[str, Any], log: str) -> Problem:
    """Return what the user is told of a failed step: ``error`` as buildx's record has it, ``log`` the build's output."""
    step = error.get("Name", "")
    sources = base64.b64decode(error.get("Sources") or "").decode(errors="replace")
    line = int(found[1]) if (found := _LINE.search(sources)) else 0
    message = error.get("Message", "")
    ended = _SHELL_EXIT.search(message)
    output = _output(step, log)
    missing = unresolved(output)
    if missing is not None:
        why, remedy = f"a dependency cannot be downloaded: {missing}", missing.check
    else:
        why = f"its command ended with exit status {ended[1]}" if ended else "BuildKit could not run it"
        remedy = "fix that step, then run the command again; earlier steps stay cached"
    return Problem(
        what=f"the image build failed: step {step}" if step else "the image build failed",
        # Built from a copy of exactly its inputs; the file that one edits has the same path in the repository.
        where=Location(file=_STAGED.sub("", dockerfile), line=line, column=1 if line else 0),
        why=why,
        remedy=remedy,
        detail=tuple(output[-OUTPUT_LINES:] or [message]),
    )


def _output(step: str, log: str) -> list[str]:
    """Return the lines that a step printed."""
    number = next(
        (found[1] for line in log.splitlines() if step and step in line and (found := _STEP.match(line))), None
    )
    if number is None:
        return []
    lines = [line.removeprefix(f"#{number} ") for line in log.splitlines() if line.startswith(f"#{number} ")]
    said = [re.sub(r"^\d+\.\d+ ", "", line) for line in lines if re.match(r"\d+\.\d+ ", line)]
    return [readable(line, console.err.width - _MARGIN) for line in said]


def _buildx(session: Session, *arguments: str) -> str:
    command = session.buildx()
    if command is None:
        return ""
    try:
        result = subprocess.run(
            [*command, f"--builder={session.target.builder}", "history", *arguments],
            env=session.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return result.stdout or result.stderr
