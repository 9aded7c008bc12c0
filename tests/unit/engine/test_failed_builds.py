"""What the user is told of an image that does not build."""

from __future__ import annotations

import base64

from moorage.engine.failed_builds import problem

SOURCES = """Dockerfile:27
--------------------
  26 |     FROM base AS library
  27 | >>> RUN make
--------------------
"""
LOG = """#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#7 [library 3/3] RUN make
#7 0.101 cc -o rudder
#7 0.205 rudder.c:1: error: jammed
#7 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2
"""


def error(message: str, step: str = "[library 3/3] RUN make") -> dict[str, str]:
    return {"Name": step, "Message": message, "Sources": base64.b64encode(SOURCES.encode()).decode()}


def test_a_command_that_fails_is_told_with_stage_line_status_and_last_output() -> None:
    message = 'process "/bin/sh -c make" did not complete successfully: exit code: 2'
    told = problem("apps/worker/Dockerfile", error(message), LOG)
    assert told.what == "the image build failed: step [library 3/3] RUN make"
    assert str(told.where) == "apps/worker/Dockerfile:27:1"
    assert told.why == "its command ended with exit status 2"
    assert told.detail == ("cc -o rudder", "rudder.c:1: error: jammed")


def test_a_step_that_buildkit_refuses_is_told_in_its_own_words() -> None:
    told = problem("Dockerfile", error('"/no-such-file": not found', "[production 6/6] COPY no-such-file /"), "")
    assert told.detail == ('"/no-such-file": not found',)
    assert told.remedy


def test_a_record_without_a_step_still_says_what_is_known() -> None:
    told = problem("Dockerfile", {"Message": "dockerfile parse error on line 3"}, "")
    assert told.what == "the image build failed"
    assert told.detail == ("dockerfile parse error on line 3",)
