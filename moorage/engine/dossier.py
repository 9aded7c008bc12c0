"""A failure as somebody will want to read it later: kept in the stack's folder, and as Markdown for a pull request."""

from __future__ import annotations

import datetime as dt
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.base.files import write_atomic
from moorage.engine import kubectl
from moorage.engine.logtext import last_lines
from moorage.engine.pods import causes_first, problem, trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from moorage.config.project import Project
    from moorage.engine.pods import Trouble
    from moorage.engine.session import Session

MOST_PODS = 6
KEPT = 20
"""Dossiers that a stack's folder keeps."""
_LINES = 20
_WIDTH = 300
_EVENTS = 12
_PROBES = ("Startup probe", "Readiness probe", "Liveness probe")


@dataclass(frozen=True, kw_only=True)
class PodReport:
    """What is known of one pod that did not come up."""

    workload: str
    pod: str
    reason: str
    why: str
    remedy: str
    containers: tuple[str, ...]
    """Each container's state, exit status and restarts."""
    log: tuple[str, ...]
    """Last lines of the container that runs."""
    previous: tuple[str, ...]
    """Last lines of the one before it."""
    probes: tuple[str, ...]
    """What the process answered to its probes."""
    events: tuple[str, ...]
    commands: tuple[str, ...]
    """Where to look further."""


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """A failed update."""

    stack: str
    time: str
    problems: tuple[str, ...]
    """What the user was told, causes first."""
    pods: tuple[PodReport, ...]
    differs: tuple[str, ...]
    """What is not as in the last good release."""
    outcome: str
    """What was done about it."""


def pod_reports(session: Session, project: Project) -> list[PodReport]:
    """Return what is known of the pods that are not ready, causes first; asked at once, as they may go soon."""
    space = project.namespace
    found = kubectl.items(session, space, ["pods"])
    by_name = {pod["metadata"]["name"]: pod for pod in found}
    troubled = causes_first((one for pod in found if (one := trouble(pod))), (*project.stores, *project.running))
    events = kubectl.items(session, space, ["events"]) if troubled else []
    with ThreadPoolExecutor(max_workers=MOST_PODS) as pool:
        return list(pool.map(lambda one: _report(session, space, one, by_name[one.pod], events), troubled[:MOST_PODS]))


def _report(
    session: Session, space: str, one: Trouble, pod: dict[str, Any], events: Sequence[dict[str, Any]]
) -> PodReport:
    told = problem(one, space)
    own = [line for event in events if (line := _event(event, one.pod))]
    previous = f"kubectl logs {one.pod} --namespace {space} --container {one.container} --previous"
    return PodReport(
        workload=one.workload,
        pod=one.pod,
        reason=one.reason,
        why=told.why or "",
        remedy=told.remedy or "",
        containers=tuple(_containers(pod)),
        log=tuple(_log(session, space, one)),
        previous=tuple(_log(session, space, one, "--previous")),
        probes=tuple(line for line in own if any(probe in line for probe in _PROBES)),
        events=tuple(own[-_EVENTS:]),
        commands=(
            f"kubectl describe pod {one.pod} --namespace {space}",
            *([previous] if one.container else []),
            f"kubectl get events --namespace {space} --sort-by=.lastTimestamp",
            *([f"kubectl rollout history deployment/{one.workload} --namespace {space}"] if one.workload else []),
        ),
    )


def _containers(pod: dict[str, Any]) -> Iterator[str]:
    status = pod.get("status", {})
    for found in (*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])):
        state = found.get("state", {})
        name = next(iter(state), "unknown")
        now = state.get(name) or {}
        ended = now if name == "terminated" else found.get("lastState", {}).get("terminated") or {}
        words = [name, now.get("reason") or "", f"{found.get('restartCount', 0)} restarts"]
        if ended:
            words.append(f"last exit status {ended.get('exitCode')} ({ended.get('reason') or 'no reason given'})")
        yield f"{found['name']}: {', '.join(word for word in words if word)}; image {found.get('image', '')}"


def _event(event: dict[str, Any], pod: str) -> str:
    about = event.get("involvedObject", {})
    if about.get("name") != pod:
        return ""
    message = " ".join(str(event.get("message", "")).split())
    times = event.get("count") or (event.get("series") or {}).get("count") or 1
    return f"{event.get('type', '')} {event.get('reason', '')}: {message}{f' ({times} times)' if times > 1 else ''}"


def _log(session: Session, space: str, one: Trouble, *more: str) -> list[str]:
    if not one.container:
        return []
    arguments = ["logs", one.pod, f"--container={one.container}", f"--tail={2 * _LINES}", f"--namespace={space}"]
    result = kubectl.run(session, *arguments, *more)
    return last_lines(result.stdout, _LINES, _WIDTH) if result.returncode == 0 else []


def keep(session: Session, dossier: Dossier) -> Path:
    """Write a dossier as Markdown and as JSON, add it to the CI job's summary, and return the Markdown's path.

    The oldest ones beyond `KEPT` are removed.
    """
    folder = session.home / "failures" / session.stack
    path = folder / f"{dossier.time.replace(':', '').replace('+0000', 'Z')}.md"
    text = markdown(dossier)
    write_atomic(path, text)
    write_atomic(path.with_suffix(".json"), json.dumps(asdict(dossier), indent=2))
    for old in sorted(folder.glob("*.md"))[:-KEPT]:
        old.unlink(missing_ok=True)
        old.with_suffix(".json").unlink(missing_ok=True)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    return path


def now() -> str:
    """Return the time that a dossier is named by."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0).isoformat()


def markdown(dossier: Dossier) -> str:
    """Return a dossier as Markdown."""
    lines = [
        f"## Update of stack {dossier.stack} failed",
        "",
        f"{dossier.time} · {dossier.outcome}",
        "",
        "### Causes",
        "",
    ]
    lines += [f"{index}. {_first_lines(told)}" for index, told in enumerate(dossier.problems, 1)]
    for pod in dossier.pods:
        lines += ["", f"### {pod.workload or pod.pod}: {pod.reason}", "", f"Pod `{pod.pod}`: {pod.why}", ""]
        lines += [f"- {line}" for line in pod.containers]
        lines += [f"- to do: {pod.remedy}"]
        lines += _block("Last lines", pod.log)
        lines += _block("Last lines of the container before", pod.previous)
        lines += _block("Probe answers", pod.probes)
        lines += _block("Events", pod.events)
        lines += _block("Look further", pod.commands, "sh")
    if dossier.differs:
        lines += ["", "### What differs from the last good release", ""]
        lines += [f"- {line}" for line in dossier.differs]
    return "\n".join([*lines, ""])


def _first_lines(told: str) -> str:
    head, *rest = told.splitlines()
    return "\n   ".join([head, *(line.strip() for line in rest if not line.startswith("  |"))])


def _block(title: str, lines: Iterable[str], language: str = "") -> list[str]:
    given = list(lines)
    if not given:
        return []
    # Longer than any run of backticks in what a program printed.
    fence = "`" * max(3, 1 + max((_longest_run(line) for line in given), default=0))
    return ["", f"{title}:", "", f"{fence}{language}", *given, fence]


def _longest_run(line: str) -> int:
    longest = run = 0
    for character in line:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
