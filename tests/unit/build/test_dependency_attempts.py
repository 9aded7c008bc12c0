"""What the base images tell package managers about a registry that fails: three attempts, further and further apart."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from moorage.build.dockerfile import read_dockerfile
from moorage.engine.unresolved import unresolved
from tests.support.loopback import NO_PROXY, served

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from moorage.build.instructions import Instruction

ROOT = Path(__file__).resolve().parents[3]
UV = shutil.which("uv", path=f"{ROOT / '.moorage' / 'bin'}:{os.environ['PATH']}") or "uv"
PIP = "pip==26.3"
EARLY = 0.1
"""Seconds that a wait may seem shorter than it was, as a request is noted only after it has arrived."""


def steps(image: str, keyword: str) -> tuple[Instruction, ...]:
    found = read_dockerfile(ROOT / "images" / image / "Dockerfile")
    return tuple(step for step in found if step.keyword == keyword)


def variables(image: str) -> dict[str, str]:
    """Return what an image sets for its package manager's downloads."""
    found = {name: value or "" for step in steps(image, "ENV") for name, value in step.pairs}
    return {name: value for name, value in found.items() if "retr" in name.lower()}


def option(image: str, command: str, pattern: str) -> list[str]:
    """Return the words that every run of a command in a Dockerfile is given."""
    runs = [part for step in steps(image, "RUN") for part in step.arguments.split("&&") if command in part]
    matches = [re.search(pattern, part) for part in runs]
    assert None not in matches
    (found,) = {match[0] for match in matches if match}
    return found.split()


@dataclass(frozen=True)
class Run:
    """What a package manager asked of a registry that gives no answer, and what it said in the end."""

    output: str
    attempts: list[float]
    """Seconds of the first attempt and those after it."""

    @property
    def waits(self) -> list[float]:
        return [after - before for before, after in zip(self.attempts, self.attempts[1:], strict=False)]


def run(
    command: Callable[[str], Sequence[str]],
    folder: Path,
    environment: Mapping[str, str],
    *,
    asked: str,
    requests: int = 1,
) -> Run:
    """Run a package manager against a registry that closes every connection; it makes some requests at each attempt.

    Only those for what is ``asked`` count: some look for a newer version of themselves as well, on some machines.
    """
    # As in a build: nobody's settings but the image's.
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "PIP_CONFIG_FILE": os.devnull, **NO_PROXY}
    with served(lambda _, __: (0, b"")) as registry:
        result = subprocess.run(
            command(registry.url),
            cwd=folder,
            env={**own, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode != 0
        times = [at for path, at in registry.requests if asked in path]
        assert times, registry.requests
    output = (result.stdout + result.stderr).replace(registry.url, "http://registry")
    return Run(output, times[::requests])


def uv(folder: Path) -> Run:
    def command(url: str) -> list[str]:
        cache = f"--cache-dir={folder / 'cache'}"
        return [UV, "pip", "install", cache, f"--target={folder / 'x'}", f"--default-index={url}/simple", "idna==3.10"]

    return run(command, folder, variables("python-build"), asked="idna")


def npm(folder: Path) -> Run:
    page = {"name": "page", "dependencies": {"react": "19.0.0"}}
    file = "https://registry.npmjs.org/react/-/react-19.0.0.tgz"
    react = {"version": "19.0.0", "resolved": file, "integrity": f"sha512-{'A' * 86}=="}
    lock = {"lockfileVersion": 3, "packages": {"": page, "node_modules/react": react}}
    (folder / "package.json").write_text(json.dumps(page))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    quiet = ["--no-audit", "--no-update-notifier", f"--cache={folder / 'cache'}"]
    return run(lambda url: ["npm", "ci", f"--registry={url}", *quiet], folder, variables("node"), asked="react")


def pip(folder: Path) -> Run:
    retries = option("python-build", "pip install", r"--retries \d+")
    installed = [UV, "pip", "install", "--quiet", f"--target={folder / 'pip'}", PIP]
    subprocess.run(installed, check=True)
    start = [sys.executable, "-m", "pip", "install", "--no-cache-dir", f"--target={folder / 'x'}", *retries]
    path = {"PYTHONPATH": str(folder / "pip")}
    return run(lambda url: [*start, f"--index-url={url}/simple", "idna==3.10"], folder, path, asked="idna")


def apt(folder: Path) -> Run:
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    places = {"Dir::Etc::sourcelist": folder / "sources", "Dir::Etc::sourceparts": "/dev/null", "Dir::Cache": folder}
    places |= {"Dir::State": folder, "Dir::State::status": folder / "status", "APT::Sandbox::User": "root"}
    options = [word for name, value in places.items() for word in ("-o", f"{name}={value}")]

    def command(url: str) -> list[str]:
        (folder / "sources").write_text(f"deb [trusted=yes] {url}/debian trixie main\n")
        update = option("python-build", "apt-get update", r"--error-on=any -o Acquire::Retries=\d+")
        return ["apt-get", "update", *update, *options]

    # A connection that is closed is opened once more at once.
    return run(command, folder, {}, asked="InRelease", requests=2)


MANAGERS = {"uv": uv, "npm": npm, "pip": pip, "apt": apt}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """What each package manager did, all at once, as they mostly wait."""
    folders = [tmp_path_factory.mktemp(name) for name in MANAGERS]
    with ThreadPoolExecutor(len(MANAGERS)) as pool:
        found = pool.map(lambda run, folder: run(folder), MANAGERS.values(), folders)
        return dict(zip(MANAGERS, found, strict=True))


@pytest.mark.parametrize("name", MANAGERS)
def test_a_registry_that_fails_is_asked_three_times_with_longer_waits(runs: dict[str, Run], name: str) -> None:
    waits = runs[name].waits
    assert len(runs[name].attempts) == 3, runs[name].output
    # uv waits at random, between one second and twice as long at each attempt.
    least = {"uv": (1, 1), "npm": (1, 2), "pip": (0, 0.5), "apt": (1, 2)}[name]
    assert all(wait > bound - EARLY for wait, bound in zip(waits, least, strict=True)), waits


TOLD = {
    "uv": ("idna", "", "http://registry/simple"),
    "npm": ("react", "19.0.0", "http://registry"),
    "pip": ("idna", "", "PyPI or UV_DEFAULT_INDEX"),
    "apt": ("debian/dists/trixie/InRelease", "", "http://registry"),
}


@pytest.mark.parametrize("name", MANAGERS)
def test_what_it_says_then_is_told_as_a_failing_registry(runs: dict[str, Run], name: str) -> None:
    found = unresolved(runs[name].output.splitlines())
    assert found is not None, runs[name].output
    assert (found.package, found.version, found.registry) == TOLD[name]
    assert found.check.startswith("check that the registry is up, the network, the proxy")
    assert "three times" in found.check


@pytest.mark.parametrize("image", ["node", "python-build", "rootfs-build"])
def test_every_download_of_debian_packages_is_tried_as_often(image: str) -> None:
    folder = ROOT / "images" / image
    texts = [step.arguments for step in steps(image, "RUN")]
    texts += [path.read_text() for path in folder.iterdir() if path.read_bytes().startswith(b"#!")]
    calls = [found for text in texts for found in re.findall(r"apt-get [^&\n]*", text)]
    assert calls
    assert all("-o Acquire::Retries=2" in call for call in calls)
    assert all("--error-on=any" in call for call in calls if "update" in call)
