"""Which changes of a checkout are noticed, by the system's own watches."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import pytest
import watchfiles

from moorage.base.errors import MoorageError
from moorage.dev.watching import changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("apps/one/code", "apps/one/node_modules/react", "libs", ".git"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "Pulumi.yaml").write_text("name: sample\nruntime: python\n")
    (tmp_path / "apps/one/service.yaml").write_text("name: one\n")
    return tmp_path


class _Seen:
    """All that was noticed so far."""

    def __init__(self, root: Path) -> None:
        self.paths: set[str] = set()
        self._task = asyncio.create_task(self._collect(root))

    async def _collect(self, root: Path) -> None:
        async for paths in changes(root):
            self.paths |= paths

    async def has(self, *paths: str) -> None:
        async with asyncio.timeout(20):
            while not self.paths >= set(paths):
                if self._task.done():
                    self._task.result()
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self._task.cancel()


@pytest.fixture
async def seen(root: Path) -> AsyncIterator[_Seen]:
    found = _Seen(root)
    # Watches begin in a thread: the first change that is noticed tells that they have.
    for number in range(1000):
        (root / "apps/one/code/begin").write_text(str(number))
        (root / "begin").write_text(str(number))
        await asyncio.sleep(0.02)
        if {"apps/one/code/begin", "begin"} <= found.paths:
            break
    yield found
    found.close()


async def test_files_of_services_and_of_the_root_are_noticed(root: Path, seen: _Seen) -> None:
    (root / "uv.lock").write_text("")
    (root / "apps/one/service.yaml").write_text("")
    (root / "apps/one/code/deep").mkdir()
    await seen.has("uv.lock", "apps/one/service.yaml", "apps/one/code/deep")


async def test_dependencies_are_left_alone(root: Path, seen: _Seen) -> None:
    (root / "apps/one/node_modules/react/index.js").write_text("")
    (root / ".git/index").write_text("")
    (root / "apps/one/code/last.py").write_text("")
    await seen.has("apps/one/code/last.py")
    assert not any("node_modules" in path or ".git" in path for path in seen.paths)


async def test_folders_that_come_later_are_watched_too(root: Path, seen: _Seen) -> None:
    (root / "libs/new/new").mkdir(parents=True)
    await seen.has("libs/new/new")
    for number in range(1000):
        (root / "libs/new/new/in.py").write_text(str(number))
        await asyncio.sleep(0.02)
        if "libs/new/new/in.py" in seen.paths:
            break
    await seen.has("libs/new/new/in.py")


async def test_a_limit_of_the_system_is_told_with_its_remedy(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "OS file watch limit reached.")

    monkeypatch.setattr(watchfiles, "awatch", refused)
    with pytest.raises(MoorageError, match=r"fs\.inotify\.max_user_watches"):
        await anext(changes(root))
