"""Whatever keeps a start from succeeding is told with its place, its cause and what to do, and never as a traceback."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from moorage.base.console import printable, show_problem
from moorage.base.errors import Problem
from tests.properties import mistakes_in_clusters, mistakes_in_services, mistakes_in_stacks, mistakes_on_machines

if TYPE_CHECKING:
    from tests.properties.mistakes import Mistake

FAMILIES: dict[str, tuple[Mistake, ...]] = {
    "syntax and values": mistakes_in_services.SYNTAX,
    "rules between values": mistakes_in_services.RULES,
    "settings of a stack": mistakes_in_stacks.SETTINGS,
    "variables of a service": mistakes_in_stacks.PROGRAMS,
    "a platform of one's own": mistakes_in_clusters.PLATFORM,
    "pods": mistakes_in_clusters.PODS,
    "the machine": mistakes_on_machines.MACHINE,
    "its processes": mistakes_on_machines.PROCESSES,
}
"""Each example makes one mistake of each, so that a hundred of them leave no kind of mistake out."""

WITHOUT_EXPLAINING = [phase for phase in Phase if phase is not Phase.explain]
"""Explaining a failure would make hundreds of mistakes for a few comments."""
INSTRUCTION = re.compile(
    "(add|align|bring|change|check|choose|close|compare|correct|create|define|double|end|escape|fill|fix|flatten|free"
    "|give|indent|install|keep|let|list|lower|make|mount|move|name|put|raise|remove|rename|repeat|restore|run|save|set|spell|start"
    r"|stop|unset|use|write)\b",
    re.IGNORECASE,
)
"""What a remedy begins with, where it is no question and names no command."""
COMMAND = re.compile(r"`[^`]+`|\b(kubectl|pulumi|docker|moorage|make|sudo|apt-get) [a-z-]+")
QUESTION = re.compile(r"did you mean \S+\?")


def lacks(problem: Problem) -> list[str]:
    """Return what a user would miss in a problem."""
    what, where, why, remedy = problem.what, str(problem.where or ""), problem.why or "", problem.remedy or ""
    needed = {
        "a description": len(what.split()) >= 2,
        "a place": bool(where.strip()),
        "a cause": bool(why.strip()) or any(line.strip() for line in problem.detail),
        "a remedy": len(remedy.split()) >= 2,
        "something to do in it": bool(INSTRUCTION.match(remedy) or COMMAND.search(remedy) or QUESTION.search(remedy)),
        "a remedy that is no repetition": remedy not in {what, why},
    }
    return [part for part, there in needed.items() if not there]


def shown(problem: Problem) -> str:
    """Return a problem as the command line shows it."""
    with contextlib.redirect_stderr(io.StringIO()) as text:
        show_problem(problem)
    return text.getvalue()


# Feature: optimized-container-infrastructure, Property 3: For any startup error condition, the system should produce
# error messages containing both the error description and actionable resolution steps.
@pytest.mark.property_test
@settings(max_examples=120, deadline=None, phases=WITHOUT_EXPLAINING)
@given(data=st.data())
def test_every_error_says_what_is_wrong_where_why_and_what_to_do(data: st.DataObject) -> None:
    for family, kinds in FAMILIES.items():
        mistake = data.draw(st.sampled_from(kinds), label=family)
        # Go's telemetry may still write there, when what it counts has ended.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            problems = mistake(data, Path(name).resolve())
        assert problems, f"{mistake.__name__} went unnoticed"
        for problem in problems:
            assert not lacks(problem), f"{mistake.__name__}: {problem!r} lacks {lacks(problem)}"
            text = shown(problem)
            parts = (problem.what, str(problem.where), problem.why or "", problem.remedy or "", *problem.detail)
            assert all(printable(part) in text for part in parts), text
            assert "Traceback (most recent call last)" not in text
            assert lacks(Problem(what=problem.what, where=problem.where, why=problem.why, remedy="it is wrong"))
