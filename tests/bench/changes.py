"""How quickly it is known, in a monorepo of 50 services and 10,000 files, what a change touches, or that nothing does."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figure import Figure
from tests.support.monorepo import generate
from tests.support.stack import MOORAGE, ROOT

RUNS = 7
_TIMED = "import subprocess, sys, time; started = time.perf_counter(); {}; print(time.perf_counter() - started)"
_PROCESS = "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)"
_DECISION = """
import sys, time
from pathlib import Path
from moorage.config.loader import load_project
from moorage.build.digests import Inputs
from moorage.build.outline import outline_of
outline = outline_of(load_project(Path(sys.argv[1]), "dev"))
started = time.perf_counter()
for inputs in Inputs(outline).all().values():
    inputs.digest
print(time.perf_counter() - started)
"""


def affected() -> list[Figure]:
    """The services that one changed library touches, by the command, less what an empty Python takes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = generate(root)
        (root / "__main__.py").touch()  # by which the command knows a project
        # What counts of uv.lock is what uv exports of it, as in every checkout that has been bootstrapped.
        (root / ".moorage" / "bin").mkdir(parents=True)
        (root / ".moorage" / "bin" / "uv").symlink_to(ROOT / ".moorage" / "bin" / "uv")
        (root / ".gitignore").write_text(".moorage\n")
        for step in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=all"]):
            subprocess.run(
                [
                    "git",
                    "-c",
                    "user.name=bench",
                    "-c",
                    "user.email=bench@example.com",
                    "-c",
                    "maintenance.auto=false",
                    *step,
                ],
                cwd=root,
                check=True,
            )
        library = next(lib for lib in made.libs.values() if lib.python)
        with (root / library.source / "__init__.py").open("a") as file:
            file.write("\n# changed\n")
        start = _best([sys.executable, "-c", ""], root)
        return [
            Figure(
                name="affected, 50 services and 10,000 files",
                value=(_best([MOORAGE, "affected", "--json"], root) - start) * 1000,
                unit="ms",
                target=190,
            ),
            Figure(
                name="affected --since, the same",
                value=(_best([MOORAGE, "affected", "--since", "HEAD", "--json"], root) - start) * 1000,
                unit="ms",
            ),
        ]


def decision() -> list[Figure]:
    """The input digests of all images of the same monorepo, once they are known and nothing has changed."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        command = [sys.executable, "-c", _DECISION, folder]
        seconds = [
            float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout) for _ in range(RUNS)
        ]
        return [
            Figure(
                name="no-op decision, 50 services and 10,000 files", value=min(seconds[1:]) * 1000, unit="ms", target=50
            )
        ]


def _best(command: list[str], root: Path) -> float:
    """Return the seconds of the quickest of some runs."""
    timed = [sys.executable, "-c", _TIMED.format(_PROCESS), *command]
    return min(float(subprocess.run(timed, cwd=root, capture_output=True, check=True).stdout) for _ in range(RUNS))
