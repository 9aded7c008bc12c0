"""Whether what is declared is what the sources use, and the writing of each build's ``.dockerignore``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from moorage.base import console
from moorage.base.errors import MoorageError, Problem
from moorage.base.files import write_atomic
from moorage.checks.allowlist import allow_list_text, ignore_path
from moorage.checks.declarations import check_sources, read_builds
from moorage.checks.stackwishes import read_wishes
from moorage.config import monorepo as config
from moorage.config.addresses import monorepo_warnings

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.checks.declarations import Findings
    from moorage.config.monorepo import Monorepo


def read_monorepo(root: Path) -> Monorepo:
    """Return what is declared.

    Raises `MoorageError` with everything that is wrong with it, whatever the stack.
    """
    problems: list[Problem] = []
    monorepo, _ = config.read_monorepo(root.resolve(), problems)
    if problems:
        raise MoorageError(*problems)
    return monorepo


def check_declared(monorepo: Monorepo) -> Findings:
    """Warn of what is declared for nothing, and return what was found.

    Raises `MoorageError` with everything that is used without being declared: it would ship a stale image.
    """
    findings = check_sources(monorepo)
    for problem in findings.warnings:
        console.warn(str(problem))
    if findings.errors:
        raise MoorageError(*findings.errors)
    return findings


def check(root: Path) -> None:
    """Say whether everything that is used is declared.

    Raises `MoorageError` with all that is not.
    """
    monorepo = read_monorepo(root)
    findings = check_declared(monorepo)
    for problem in monorepo_warnings(monorepo):
        console.warn(str(problem))
    graph = monorepo.graph()
    console.out.print(f"[green]✓[/] {len(graph.nodes)} nodes and {len(graph.edges)} edges match the sources")
    for sentence in findings.unread:
        console.out.print(f"[dim]{escape(sentence)}[/]")


def write_ignore_files(root: Path) -> None:
    """Write each node's ``.dockerignore``, and say which were out of date."""
    monorepo = read_monorepo(root)
    repository = monorepo.repository
    written, wishes = 0, read_wishes(repository.program)
    for node, _, build in monorepo.builds():
        if build.own_context:
            continue  # its ignore file is the user's own
        path = ignore_path(repository.top, node, build)
        text = allow_list_text(repository, read_builds(repository.top, node, build, frozenset(monorepo.images), wishes))
        if not path.exists() or path.read_text() != text:
            write_atomic(path, text)
            console.out.print(f"wrote {path.relative_to(repository.top)}")
            written += 1
    console.out.print(f"[green]✓[/] {written} written" if written else "[green]✓[/] all up to date")
