"""Rules about what is in a production image: run-time dependencies and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moorage.scan.finding import TEMPORARY_FOLDERS, ImageFinding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.scan.finding import Expectation
    from moorage.scan.image import Entry, Image

_VERSION = r"(-?[0-9]+(\.[0-9]+)*)?"
_COMPILERS = re.compile(
    rf"((x86_64|aarch64|i686)-linux-(gnu|musl)-)?(gcc|g\+\+|cc|c\+\+|cpp|clang|clang\+\+|gfortran|ld|ld\.bfd|ld\.gold|lld|as|ar|"
    rf"nm|ranlib|strip|objdump|objcopy|make|gmake|cmake|ninja|rustc|go|gofmt|javac|ghc|gdb|tsc){_VERSION}"
)
_PACKAGE_MANAGERS = re.compile(
    rf"(pip{_VERSION}|pipx|uv|uvx|poetry|conda|mamba|easy_install|npm|npx|yarn|yarnpkg|pnpm|corepack|apt|apt-get|apt-cache|"
    r"apt-key|aptitude|dpkg|dpkg-deb|dpkg-query|rpm|dnf|microdnf|yum|zypper|apk|pacman|gem|bundle|cargo|rustup|composer)"
)
_SHELLS = re.compile(rf"(sh|bash|dash|ash|rbash|zsh|ksh{_VERSION}|mksh|csh|tcsh|fish|busybox|toybox)")
_PACKAGE_MANAGER_FOLDERS = re.compile(
    r"(/(site|dist)-packages|/packages|/lib/python3(\.[0-9]+)?)/(pip|setuptools|ensurepip|wheel)|/node_modules/(npm|yarn|pnpm|corepack)"
)
_DEVELOPMENT = re.compile(
    r"/(_?pytest|pytest_[a-z]+|mypy|mypyc|ruff|black|flake8|pylint|coverage|hypothesis|tox|nox|ipython|jupyter|debugpy|isort)"
    r"(-[0-9][^/]*\.(dist|egg)-info)?(/|$)"
    r"|/node_modules/(typescript|vite|webpack|rollup|esbuild|eslint|prettier|jest|vitest|mocha|@types|@biomejs|@babel)([/-]|$)"
)
_CACHES = re.compile(
    r"/var/cache(/.*)?|/var/lib/apt/lists(/.*)?|/var/lib/dpkg/[a-z]+-old|/var/lib/apk(/.*)?|"
    r".*/(\.cache|\.npm|_cacache|\.yarn|\.pnpm-store|\.cargo/registry|\.gradle|\.m2|__pypackages__|\.mypy_cache|\.ruff_cache|"
    r"\.pytest_cache)(/.*)?"
)
_TEMPORARY = re.compile(
    r".*(\.(tmp|temp|swp|swo|bak|orig|rej|part)|~)|.*/(\.DS_Store|Thumbs\.db|core\.[0-9]+|\.wget-hsts|\.python_history|\.bash_history|"
    r"nohup\.out)|/var/log/.*\.(log|gz|[0-9])"
)
_ARTIFACTS = re.compile(
    r".*\.(o|a|la|lo|obj|c|cc|cpp|cxx|h|hpp|pxd|pyx|pyi|whl|egg|deb|rpm|apk|tsbuildinfo)|.*/(CMakeCache\.txt|Makefile|"
    r"config\.log|Dockerfile|package-lock\.json|uv\.lock)|.*/\.git(/.*)?"
)
_TESTS = re.compile(
    r".*/(tests?|__tests__|testdata|spec)/.*|.*/(test_[^/]+|[^/]+_test|conftest)\.pyc?|.*/conftest\.cpython-[^/]+\.pyc|"
    r".*\.(test|spec)\.[cm]?[jt]sx?"
)


def check_contents(image: Image, expectation: Expectation) -> Iterator[ImageFinding]:
    """Yield what is of no use at run time."""
    for entry in image.files.values():
        if entry.is_file or entry.is_link:
            yield from _programs(image, entry, expectation)
            yield from _files(entry)


def _programs(image: Image, entry: Entry, expectation: Expectation) -> Iterator[ImageFinding]:
    if not _runs(image, entry):
        return
    if _COMPILERS.fullmatch(entry.name):
        yield ImageFinding(rule="no-compilers", path=entry.path, why="it builds software")
    if _PACKAGE_MANAGERS.fullmatch(entry.name):
        yield ImageFinding(rule="no-package-managers", path=entry.path, why="it installs software")
    if not expectation.shell and _SHELLS.fullmatch(entry.name):
        yield ImageFinding(rule="no-shells", path=entry.path, why="it is a shell, and build.shell does not declare one")


def _runs(image: Image, entry: Entry) -> bool:
    if entry.is_file:
        return entry.executable
    target = image.resolve(entry.path)
    return target is not None and target.executable


def _files(entry: Entry) -> Iterator[ImageFinding]:
    path = entry.path
    if _PACKAGE_MANAGER_FOLDERS.search(path.rpartition("/")[0] + "/") or _info(path, "pip|setuptools|wheel"):
        yield ImageFinding(rule="no-package-managers", path=path, why="it belongs to a program that installs software")
    if _DEVELOPMENT.search(path.rpartition("/")[0]):
        yield ImageFinding(rule="no-development-packages", path=path, why="its package serves development and tests")
    if _CACHES.fullmatch(path):
        yield ImageFinding(rule="no-caches", path=path, why="it is in a folder of caches")
    if _TEMPORARY.fullmatch(path) or path.startswith(tuple(f"{folder}/" for folder in TEMPORARY_FOLDERS)):
        yield ImageFinding(rule="no-temporary-files", path=path, why="it is left behind by the build")
    if _ARTIFACTS.fullmatch(path):
        yield ImageFinding(rule="no-build-artifacts", path=path, why="only a build needs it")
    if _TESTS.fullmatch(path):
        yield ImageFinding(rule="no-tests", path=path, why="it is part of tests")


def _info(path: str, names: str) -> bool:
    return re.search(rf"/({names})-[0-9][^/]*\.(dist|egg)-info/", path) is not None
