"""The compiled toolchain as CI keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.toolchain import prune

if TYPE_CHECKING:
    from pathlib import Path


def test_components_that_no_pin_asks_for_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("etcd-3.6.0-aaa", "etcd-3.5.0-bbb", ".etcd-3.6.0-half"):
        (tmp_path / name / "bin").mkdir(parents=True)
    (tmp_path / ".lock").write_text("1")
    assert prune(tmp_path, {"etcd-3.6.0-aaa"}) == [".etcd-3.6.0-half", "etcd-3.5.0-bbb"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "etcd-3.6.0-aaa"]
