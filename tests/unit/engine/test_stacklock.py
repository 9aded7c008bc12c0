"""Pulumi's lock on a stack: waited for while its owner lives, removed once that is gone."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from moorage.engine.stacklock import locks, wait_for_others
from tests.unit.session_samples import session as session_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.engine.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A stack that is kept in the checkout."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CREDENTIALS_PATH"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: quay\n")
    return session_at(tmp_path)


@pytest.fixture
def other_update(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that goes by Pulumi's name."""
    program = tmp_path / "pulumi"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([str(program), "600"]) as process:
        yield process
        process.kill()


def lock(session: Session, pid: int, *, stack: str = "dev", host: str = "", project: str = "quay") -> Path:
    """Write a lock as Pulumi does."""
    path = session.home / f"state/.pulumi/locks/organization/{project}/{stack}/0123.json"
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps({"pid": pid, "hostname": host or socket.gethostname(), "timestamp": "2026-01-01T00:00:00Z"})
    )
    path.with_name("0123.json.attrs").write_text("{}")
    return path


def ended() -> int:
    """Return the id of a process that is gone."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


def test_the_lock_of_a_dead_update_goes(session: Session) -> None:
    path = lock(session, ended())
    wait_for_others(session)
    assert list(path.parent.iterdir()) == []


def test_a_process_id_that_another_program_has_now_is_no_update(session: Session) -> None:
    path = lock(session, 1)
    wait_for_others(session)
    assert not path.exists()


def test_a_living_update_is_waited_for(
    session: Session, other_update: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = lock(session, other_update.pid)
    waiting = threading.Thread(target=wait_for_others, args=(session,))
    waiting.start()
    waiting.join(timeout=0.3)
    assert waiting.is_alive()
    assert path.exists()
    path.unlink()
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    assert "Another update of stack dev" in capsys.readouterr().out


def test_what_ends_while_it_is_waited_for_leaves_no_lock(
    session: Session, other_update: subprocess.Popen[bytes]
) -> None:
    path = lock(session, other_update.pid)
    waiting = threading.Thread(target=wait_for_others, args=(session,))
    waiting.start()
    other_update.kill()
    other_update.wait()
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    assert not path.exists()


def test_locks_of_other_stacks_and_machines_and_what_is_no_lock_are_left_alone(session: Session) -> None:
    kept = [
        lock(session, ended(), stack="prod"),
        lock(session, ended(), host="elsewhere"),
        lock(session, ended(), project="other"),
    ]
    broken = kept[1].with_name("4567.json")
    broken.write_text("{")
    wait_for_others(session)
    assert all(path.exists() for path in (*kept, broken))


def test_a_backend_elsewhere_keeps_its_own_locks(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(session, ended())
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://pulumi.example")
    assert locks(session) == []
