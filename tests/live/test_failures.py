"""What a user is told when a build or a rollout fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live.test_change import pod_uids

if TYPE_CHECKING:
    from tests.support.checkout import Checkout

pytestmark = pytest.mark.live

PRODUCTION = 'ENTRYPOINT ["/usr/bin/python3", "-m", "worker"]'
BROKEN_STEP = """RUN ["/usr/bin/python3", "-c", "print('the keel is missing'); raise SystemExit(7)"]"""


DOCKERFILE = "apps/worker/Dockerfile"


def test_a_dockerfile_that_does_not_build_names_the_stage_and_shows_the_last_lines(copy: Checkout) -> None:
    pods = copy.state()
    copy.edit(DOCKERFILE, PRODUCTION, f"{BROKEN_STEP}\n{PRODUCTION}")
    line = (copy.root / DOCKERFILE).read_text().splitlines().index(BROKEN_STEP) + 1
    result = copy.moorage("up", copy.stack, check=False)
    text = result.stdout + result.stderr
    assert result.returncode == 1
    assert "the keel is missing" in result.stderr, "the last line"
    assert "production" in result.stderr, "the stage"
    assert "exit status 7" in result.stderr
    assert f" apps/worker/Dockerfile:{line}:" in result.stderr, "the file that one edits"
    assert "Traceback" not in text
    assert copy.state() == pods, "what runs is left alone"
    copy.left_alone()


def test_what_a_dockerfile_copies_and_nobody_has_is_said_before_anything_is_built(copy: Checkout) -> None:
    pods = copy.state()
    copy.edit(DOCKERFILE, PRODUCTION, f"COPY no-such-file /\n{PRODUCTION}")
    result = copy.moorage("up", copy.stack, check=False)
    assert result.returncode == 1
    assert "no-such-file" in result.stderr
    assert "apps/worker/Dockerfile:" in result.stderr
    assert "pulumi up" not in result.stdout
    assert copy.state() == pods
    copy.left_alone()


def test_a_container_that_never_becomes_ready_is_named_with_its_reason_and_last_lines(copy: Checkout) -> None:
    pods = pod_uids(copy.running)
    jammed = '\nprint("rudder is jammed", flush=True)\nraise SystemExit(7)\nimport '
    copy.edit("apps/worker/worker/__main__.py", "\nimport ", jammed)
    result = copy.moorage("up", copy.stack, check=False)
    text = result.stdout + result.stderr
    assert result.returncode == 1
    assert "worker-" in result.stderr, "the pod"
    assert "rudder is jammed" in result.stderr, "its last line"
    assert "Traceback" not in text
    after = pod_uids(copy.running)
    assert pods["backend"] == after["backend"]
    assert pods["worker"] <= after["worker"], "the old pod serves on"
