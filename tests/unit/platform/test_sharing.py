"""A checkout whose platform is a link to another's: it works on that one while it runs, and neither starts nor stops it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.platform import embedded, processes, programs
from moorage.platform.embedded import Platform
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A checkout whose platform runs, by its records: every process is this one."""
    runtime = tmp_path / "run"
    layout = Layout.of(tmp_path / "first")
    layout.data.mkdir(parents=True)
    (runtime / "records").mkdir(parents=True)
    monkeypatch.setattr(processes, "RECORDS", runtime / "records")
    for name in ("OWNER", "READY"):
        monkeypatch.setattr(embedded, name, runtime / name.lower())
    monkeypatch.setattr(embedded, "RUNTIME", runtime)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    started = processes.start_ticks(os.getpid())
    for name in programs.NAMES:
        record = processes.Record(name=name, pid=os.getpid(), start_ticks=started or 0, digest="x", log="")
        (runtime / "records" / f"{name}.json").write_text(json.dumps(record.__dict__))
    embedded.OWNER.write_text(json.dumps({"root": str(layout.root), "data": str(layout.data)}))
    embedded.READY.touch()
    return layout


def sharing(owner: Layout, root: Path) -> Platform:
    (root / ".moorage").mkdir(parents=True)
    (root / ".moorage" / "platform").symlink_to(owner.data)
    return Platform(Layout.of(root))


def test_a_link_to_the_platform_that_runs_is_that_platform(owner: Layout, tmp_path: Path) -> None:
    platform = sharing(owner, tmp_path / "second")
    assert platform.running()
    assert platform.start() is False
    with pytest.raises(MoorageError, match="another platform is already running"):
        platform.stop()


def test_where_it_does_not_run_its_own_checkout_is_named_and_nothing_is_started(owner: Layout, tmp_path: Path) -> None:
    platform = sharing(owner, tmp_path / "second")
    embedded.READY.unlink()
    assert not platform.running()
    with pytest.raises(MoorageError, match="does not run") as refused:
        platform.start()
    (problem,) = refused.value.problems
    assert f"make -C {owner.root} up" in (problem.remedy or "")


def test_data_on_another_disk_are_a_checkouts_own(owner: Layout, tmp_path: Path) -> None:
    root = tmp_path / "second"
    (root / ".moorage").mkdir(parents=True)
    (tmp_path / "disk").mkdir()
    (root / ".moorage" / "platform").symlink_to(tmp_path / "disk")
    platform = Platform(Layout.of(root))
    assert not platform.layout.shared
    assert not platform.running()
    embedded.OWNER.write_text(json.dumps({"root": str(root), "data": str(root / ".moorage" / "platform")}))
    assert platform.running()


def test_a_checkout_of_its_own_does_not_take_anothers_for_its_own(owner: Layout, tmp_path: Path) -> None:
    assert Platform(owner).running()
    assert not Platform(Layout.of(tmp_path / "third")).running()
    embedded.OWNER.unlink()
    assert not Platform(owner).running()


@pytest.mark.parametrize("words", ["start", "stop", "reset"])
def test_a_user_who_may_not_even_look_is_told_that_this_needs_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def refuse(path: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    platform = Platform(Layout.of(tmp_path))
    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(MoorageError, match="root"):
        getattr(platform, words)()
