"""Asks the tests whether they notice small changes of the product: ``python -m tools.mutants [PACKAGE…]``.

One process imports everything once and learns which tests call which functions. For each mutant it forks; the child has
the function's code exchanged wherever it is in use, decorated or not, and runs those tests until one fails.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings

from tools.mutation import Mutant, mutants, mutated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / ".moorage" / "mutants.txt"
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "moorage/config": ("tests/unit/config", "tests/unit/components"),
    "moorage/build": (
        "tests/unit/build",
        "tests/unit/checks",
        "tests/properties/test_property_22_cache_key_dependency_hashing.py",
    ),
    "moorage/checks": ("tests/unit/checks", "tests/unit/cli/test_graph_drawing.py"),
    "moorage/scan": ("tests/unit/scan", "tests/unit/test_unwanted.py"),
    "components/manifests": ("tests/unit/components", "tests/policy/test_own_stacks.py"),
    "policy/rules": ("tests/policy",),
}
"""Where the tests of a package are."""
PATIENCE = 60
"""Seconds after which a mutant counts as noticed: it has something go on for ever."""
_QUIET = ("--quiet", "-p", "no:cacheprovider", "--hypothesis-seed=1", "-m", "not live and not waiting and not building")


@dataclass(eq=False)
class Watch:
    """A pytest plugin that notes what each test calls, and how long it takes."""

    called: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails as it is, and can notice nothing."""
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test, with its fixtures."""
        found: set[CodeType] = set()

        def noted(frame: FrameType, event: str, _argument: Any) -> None:
            if event == "call":
                found.add(frame.f_code)

        started = time.monotonic()
        sys.setprofile(noted)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            self.seconds[item.nodeid] = time.monotonic() - started
            self.called[item.nodeid] = {(code.co_filename, code.co_qualname) for code in found}


@dataclass(eq=False)
class Chosen:
    """A pytest plugin that leaves out all tests but some, and has the quickest come first."""

    tests: Sequence[str]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what was chosen."""
        place = {test: index for index, test in enumerate(self.tests)}
        items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])


def run(arguments: Sequence[str], *plugins: object) -> int:
    """Run pytest in this process without a word, and return its status."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main([*_QUIET, *arguments], plugins=list(plugins)))


def in_child(work: Any, seconds: float) -> int | None:
    """Return the status of some work in a fork of this process; None where it took too long."""
    if (child := os.fork()) == 0:
        status = 70
        try:
            os.setsid()
            status = work()
        finally:
            os._exit(status)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def exchange(mutant: Mutant) -> None:
    """Give every function that has the code of the mutant's function the mutant's."""
    code, file = mutated(mutant), str(mutant.file)
    found = [each for each in gc.get_objects() if isinstance(each, FunctionType)]
    for function in found:
        old = function.__code__
        if old.co_filename == file and old.co_qualname == mutant.function and old.co_freevars == code.co_freevars:
            function.__code__ = code


def survives(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Return whether no test notices a mutant."""

    def work() -> int:
        exchange(mutant)
        files = sorted({test.partition("::")[0] for test in tests})
        return run(["--exitfirst", *files], Chosen(tests))

    return in_child(work, PATIENCE) == 0


def learn(package: str) -> tuple[dict[str, set[tuple[str, str]]], dict[str, float]]:
    """Return what each test of a package calls, by file and function, and its seconds; one that fails is left out."""
    notes = ROOT / ".moorage" / f"mutants-{os.getpid()}.json"

    def work() -> int:
        watch = Watch()
        run(PACKAGES[package], watch)
        called = {test: sorted(found) for test, found in watch.called.items() if test not in watch.failed}
        notes.write_text(json.dumps({"called": called, "seconds": watch.seconds, "failed": sorted(watch.failed)}))
        return 0 if watch.called else 1

    if in_child(work, 3600) != 0:
        raise SystemExit(f"the tests of {package} cannot be run: try pytest {' '.join(PACKAGES[package])}")
    found = json.loads(notes.read_text())
    notes.unlink()
    for test in found["failed"]:
        print(f"  fails as it is, and is left out: {test}", flush=True)  # noqa: T201
    return {test: {(file, name) for file, name in pairs} for test, pairs in found["called"].items()}, found["seconds"]


def sample(package: str, most: int, seed: str) -> list[Mutant]:
    """Return some of a package's mutants, others for another seed."""
    every = [mutant for file in sorted((ROOT / package).rglob("*.py")) for mutant in mutants(file)]
    return random.Random(f"{seed} {package}").sample(every, min(most, len(every)))  # noqa: S311  # the same ones again


def examine(package: str, most: int, seed: str) -> list[str]:
    """Try mutants of a package, and return the report: one line for each that survives, and the share."""
    run(["--collect-only", *PACKAGES[package]])
    gc.freeze()
    gc.unfreeze()
    called, seconds = learn(package)
    lines, noticed, chosen = [], 0, sample(package, most, seed)
    for mutant in chosen:
        place = (str(mutant.file), mutant.function)
        tests = sorted((test for test in called if place in called[test]), key=lambda test: seconds[test])
        if tests and not survives(mutant, tests):
            noticed += 1
            continue
        why = f"{len(tests)} tests" if tests else "no test calls it"
        lines.append(f"{mutant.file.relative_to(ROOT)}:{mutant.line} {mutant.function}: {mutant.what} ({why})")
        print(f"  {lines[-1]}", flush=True)  # noqa: T201
    share = noticed / len(chosen) if chosen else 1
    where = Counter(line.partition(":")[0] for line in lines).most_common(3)
    most_of = "; most in " + ", ".join(f"{file} ({count})" for file, count in where) if where else ""
    return [*sorted(lines), f"{package}: {noticed} of {len(chosen)} noticed, {share:.0%}{most_of}"]


def main() -> None:
    """Examine some packages, and keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", default=list(PACKAGES), help="; ".join(PACKAGES))
    parser.add_argument("--each", type=int, default=40, help="mutants tried of each package")
    parser.add_argument("--seed", default="1", help="another one tries others")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    # No example is made smaller: what fails has been noticed.
    settings.register_profile("mutants", database=None, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")
    report = []
    for package in arguments.packages:
        report += examine(package.rstrip("/"), arguments.each, arguments.seed)
        print(report[-1], flush=True)  # noqa: T201
    REPORT.write_text("\n".join(report) + "\n")


if __name__ == "__main__":
    main()
