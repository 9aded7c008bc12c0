"""What a user is told when a build or a rollout fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live.test_change import changed, pod_uids
from tests.support.stack import ROOT, Stack, moorage

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.live

PRODUCTION = 'ENTRYPOINT ["/usr/bin/python3", "-m", "worker"]'
BROKEN_STEP = """RUN ["/usr/bin/python3", "-c", "print('the keel is missing'); raise SystemExit(7)"]"""


@pytest.fixture(scope="module", autouse=True)
def whole_again(dev: Stack) -> Iterator[None]:
    """Bring the stack back to what is committed, once: a failure leaves alone what runs, as each test makes sure."""
    yield
    moorage("up", "dev")


def test_a_dockerfile_that_does_not_build_names_the_stage_and_shows_the_last_lines(dev: Stack) -> None:
    path = ROOT / "apps" / "worker" / "Dockerfile"
    pods = pod_uids(dev)
    with changed(path, PRODUCTION, f"{BROKEN_STEP}\n{PRODUCTION}"):
        line = path.read_text().splitlines().index(BROKEN_STEP) + 1
        result = moorage("up", "dev", check=False)
    text = result.stdout + result.stderr
    assert result.returncode == 1
    assert "the keel is missing" in result.stderr, "the last line"
    assert "production" in result.stderr, "the stage"
    assert "exit status 7" in result.stderr
    assert f" apps/worker/Dockerfile:{line}:" in result.stderr, "the file that one edits"
    assert "Traceback" not in text
    assert pod_uids(dev) == pods, "the running pods are left alone"


def test_what_a_dockerfile_copies_and_nobody_has_is_said_before_anything_is_built(dev: Stack) -> None:
    path = ROOT / "apps" / "worker" / "Dockerfile"
    with changed(path, PRODUCTION, f"COPY no-such-file /\n{PRODUCTION}"):
        result = moorage("up", "dev", check=False)
    assert result.returncode == 1
    assert "no-such-file" in result.stderr
    assert "apps/worker/Dockerfile:" in result.stderr
    assert "pulumi up" not in result.stdout


def test_a_container_that_never_becomes_ready_is_named_with_its_reason_and_last_lines(dev: Stack) -> None:
    source = ROOT / "apps" / "worker" / "worker" / "__main__.py"
    pods = pod_uids(dev)
    with changed(source, "\nimport ", '\nprint("rudder is jammed", flush=True)\nraise SystemExit(7)\nimport '):
        result = moorage("up", "dev", check=False)
    text = result.stdout + result.stderr
    assert result.returncode == 1
    assert "worker-" in result.stderr, "the pod"
    assert "rudder is jammed" in result.stderr, "its last line"
    assert "Traceback" not in text
    after = pod_uids(dev)
    assert pods["backend"] == after["backend"]
    assert pods["worker"] <= after["worker"], "the old pod serves on"
