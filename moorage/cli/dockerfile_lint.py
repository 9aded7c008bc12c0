"""``moorage lint``: Moorage's rules for Dockerfiles, and BuildKit's own."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moorage.base import console
from moorage.base.errors import MoorageError, Problem
from moorage.base.words import did_you_mean, listed
from moorage.checks.declarations import missing_stages, read_build
from moorage.checks.exemptions import without_exemptions
from moorage.checks.lint import LintFinding, Purpose, lint_dockerfile
from moorage.checks.stackwishes import read_wishes
from moorage.cli.sessions import session_for
from moorage.cli.source_check import read_monorepo
from moorage.config.loader import load_project
from moorage.config.service import image_build_arg

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moorage.config.graph import Node
    from moorage.config.monorepo import Monorepo
    from moorage.config.service import Build
    from moorage.config.validate import Source

_SECONDS = 60
"""How long BuildKit may take for its checks of one Dockerfile."""
_JOBS = 4


@dataclass(frozen=True)
class Subject:
    """One Dockerfile to be checked."""

    node: Node
    source: Source
    path: Path
    build: Build
    purpose: Purpose


def lint(root: Path, nodes: Sequence[str], *, stack: str, builder: bool) -> int:
    """Show every finding, and return the exit status: 1 where there is any.

    ``stack`` says which builder is asked for BuildKit's own checks.
    """
    root = root.resolve()
    monorepo = read_monorepo(root)
    subjects = _subjects(root, monorepo, nodes)
    answers = _buildkit(root, stack, monorepo, subjects) if builder else {}
    findings: list[LintFinding] = []
    missing: list[Problem] = []
    wishes = read_wishes(root)
    for subject in subjects:
        dockerfile = read_build(root, subject.node, subject.build, frozenset(monorepo.images))
        missing += missing_stages(subject.node, subject.source, subject.build, dockerfile, wishes)
        found = [*lint_dockerfile(dockerfile, subject.purpose), *answers.get(subject.node, ())]
        findings += without_exemptions(dockerfile, found, buildkit_asked=subject.node in answers)
    findings.sort(key=lambda finding: (str(finding.file), finding.line, finding.id))
    for problem in (*missing, *(finding.problem() for finding in findings)):
        console.show_problem(problem)
    if missing or findings:
        return 1
    console.out.print(f"[green]✓[/] {len(subjects)} Dockerfile{'s' if len(subjects) != 1 else ''} checked, no findings")
    return 0


def _subjects(root: Path, monorepo: Monorepo, names: Sequence[str]) -> list[Subject]:
    found = {}
    for node, source, build in monorepo.builds():
        entry = monorepo.services.get(node.name)
        service = entry.model if entry and node.kind.value == "apps" else None
        purpose = Purpose(service=service is not None, target=build.target, port=service.port if service else None)
        found[str(node)] = Subject(node, source, root / str(node) / build.dockerfile, build, purpose)
    for name in names:
        if not any(name.rstrip("/") in {key, subject.node.name} for key, subject in found.items()):
            raise MoorageError.of(
                f"{name} has no Dockerfile",
                where=str(root),
                why=f"those that have one are {listed(list(found))}",
                remedy=did_you_mean(name, list(found), "name one of them, or none for all"),
            )
    wanted = {name.rstrip("/") for name in names}
    return [subject for key, subject in found.items() if not wanted or {key, subject.node.name} & wanted]


def _buildkit(root: Path, stack: str, monorepo: Monorepo, subjects: Sequence[Subject]) -> dict[Node, list[LintFinding]]:
    """Return what BuildKit itself warns of, by image; no entry, and a warning why, where it cannot be asked."""
    try:
        project = load_project(root, stack)
    except MoorageError as error:
        console.warn(f"BuildKit's own checks are skipped: {error.problems[0].what}")
        return {}
    session = session_for(project)
    buildx = session.buildx()
    if buildx is None:
        console.warn(
            "BuildKit's own checks are skipped: buildx is not installed; `moorage doctor` checks the prerequisites"
        )
        return {}
    # Checks read the Dockerfile alone: any base will do, and this one is always there.
    bases = [f"--build-arg={image_build_arg(image)}=scratch" for image in monorepo.images]
    command = [
        *buildx,
        "build",
        "--builder",
        project.target.builder,
        "--call=check,format=json",
        *bases,
    ]
    environment = session.environment()

    def check(subject: Subject) -> list[LintFinding] | str:
        target = [f"--target={subject.build.target}"] if subject.build.target else []
        arguments = [*target, f"--file={subject.path}", str(root)]
        return _checked(subject, [*command, *arguments], environment)

    with ThreadPoolExecutor(_JOBS) as pool:
        answers = list(pool.map(check, subjects))
    refusals = [answer for answer in answers if isinstance(answer, str)]
    if refusals:
        console.warn(f"BuildKit's own checks are skipped for {len(refusals)} of {len(subjects)}: {refusals[0]}")
    found = zip(subjects, answers, strict=True)
    return {subject.node: answer for subject, answer in found if not isinstance(answer, str)}


def _checked(subject: Subject, command: list[str], environment: dict[str, str]) -> list[LintFinding] | str:
    """Return BuildKit's warnings of one Dockerfile, or why there is no answer."""
    try:
        result = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        return "buildx is not installed; `moorage doctor` checks the prerequisites"
    except subprocess.TimeoutExpired:
        return f"the builder did not answer within {_SECONDS} s"
    try:
        answer, _ = json.JSONDecoder().raw_decode(result.stdout)
    except ValueError:
        lines = [line for line in result.stderr.strip().splitlines() if line.startswith("ERROR")]
        return lines[-1] if lines else "the builder did not answer"
    findings = [
        LintFinding(
            id=warning["ruleName"],
            file=subject.path,
            line=warning["location"]["ranges"][0]["start"]["line"],
            what=warning.get("detail") or warning["description"],
            why=warning["description"],
            fix=f"see {warning['url']}",
        )
        for warning in answer.get("warnings") or []
    ]
    if "buildError" in answer and not findings:
        return str(answer["buildError"]["message"])
    return findings
