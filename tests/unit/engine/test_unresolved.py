"""What uv, npm, pip and apt print where a dependency cannot be downloaded, as they printed it, and what a user is told of it."""

from __future__ import annotations

import base64

import pytest

from moorage.engine.failed_builds import problem
from moorage.engine.unresolved import DEBIAN, NPM, PYPI, unresolved

UV_NONE = (
    "error: No solution found when resolving dependencies\n  cause: Because moorage-qq was not found in the package registry "
    "and you require moorage-qq==1.0, we can conclude that your requirements are unsatisfiable."
)
OUTPUTS = {
    "uv, no package": (
        UV_NONE,
        ("moorage-qq", "1.0", PYPI, "there is no such package"),
    ),
    "uv, no version": (
        """\
  x No solution found when resolving dependencies:
  ╰─▶ Because there is no version of idna==99.1 and you require idna==99.1, we can conclude that your requirements are unsatisfiable.""",
        ("idna", "99.1", PYPI, "there is no such version"),
    ),
    "uv, other content": (
        "error: Failed to download `idna==3.10`\n  cause: Hash mismatch for `idna==3.10`\n\n         Expected:\n           sha256:0",
        ("idna", "3.10", PYPI, "its content is not what the lock file pins"),
    ),
    "uv, no network": (
        """\
error: Request failed after 3 retries in 1.5s
  cause: Failed to fetch: http://127.0.0.1:9/simple/idna/
  cause: error sending request for url (http://127.0.0.1:9/simple/idna/)""",
        ("idna", "", "http://127.0.0.1:9/simple", "the registry does not answer"),
    ),
    "npm, no package": (
        """\
npm error code E404
npm error 404 Not Found - GET https://registry.npmjs.org/@moorage-qq%2fno-such-thing
npm error 404""",
        ("@moorage-qq/no-such-thing", "", "https://registry.npmjs.org", "there is no such package"),
    ),
    "npm, no version": (
        "npm error code ETARGET\nnpm error notarget No matching version found for react@999.0.0.\nnpm error notarget In most",
        ("react", "999.0.0", NPM, "there is no such version"),
    ),
    "npm, no network": (
        """\
npm error code ECONNREFUSED
npm error FetchError: request to http://127.0.0.1:9/react failed, reason: connect ECONNREFUSED 127.0.0.1:9
npm error     at ClientRequest.<anonymous>""",
        ("react", "", "http://127.0.0.1:9", "connect ECONNREFUSED 127.0.0.1:9"),
    ),
    "npm, no answer for a file": (
        """\
npm error code E503
npm error 503 Service Unavailable - GET http://127.0.0.1:9/@a/react/-/react-19.0.0-rc.1.tgz
npm error A complete log of this run can be found in: /x""",
        ("@a/react", "19.0.0-rc.1", "http://127.0.0.1:9", "503 Service Unavailable"),
    ),
    "npm, no file": (
        "npm error code E404\nnpm error 404 Not Found - GET http://127.0.0.1:9/react/-/react-19.0.0.tgz - Not found",
        ("react", "19.0.0", "http://127.0.0.1:9", "there is no such package"),
    ),
    "uv, no answer for a file": (
        """\
  x Failed to download `idna==3.10`
  |-> Request failed after 2 retries in 3.3s
  |-> Failed to fetch: `http://127.0.0.1:9/files/idna-3.10-py3-none-any.whl`""",
        ("idna", "3.10", "http://127.0.0.1:9", "the registry does not answer"),
    ),
    "pip, no network": (
        """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
'RemoteDisconnected('Remote end closed connection without response')': /simple/idna/
ERROR: Could not find a version that satisfies the requirement idna==3.10 (from versions: none)
ERROR: No matching distribution found for idna==3.10""",
        ("idna", "", PYPI, "RemoteDisconnected('Remote end closed connection without response')"),
    ),
    "pip, no package": (
        "ERROR: Could not find a version that satisfies the requirement qq==1\nERROR: No matching distribution found for qq==1",
        ("qq", "1", PYPI, "there is no such package or version"),
    ),
    "apt, no package": (
        "Reading state information...\nE: Unable to locate package qq-no-such-package",
        ("qq-no-such-package", "", DEBIAN, "there is no such package"),
    ),
    "apt, no version": (
        "E: Version '99.1' for 'curl' was not found",
        ("curl", "99.1", DEBIAN, "there is no such version"),
    ),
    "apt, no network": (
        """\
W: Failed to fetch http://127.0.0.1:9/debian/dists/trixie/InRelease  Connection failed [IP: 127.0.0.1 9]
E: Some index files failed to download. They have been ignored, or old ones used instead.
E: Unable to locate package curl""",
        ("debian/dists/trixie/InRelease", "", "http://127.0.0.1:9", "Connection failed [IP: 127.0.0.1 9]"),
    ),
    "apt, gone from the mirror": (
        "E: Failed to fetch http://deb.debian.org/debian/pool/main/c/curl/curl_8.14.1-2_amd64.deb  404  Not Found [IP: 1.2.3.4 80]",
        ("curl", "8.14.1-2", "http://deb.debian.org", "404  Not Found [IP: 1.2.3.4 80]"),
    ),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_package_version_registry_and_cause_are_told(name: str) -> None:
    output, expected = OUTPUTS[name]
    found = unresolved(output.splitlines())
    assert found is not None
    assert (found.package, found.version, found.registry, found.why) == expected
    assert found.check


@pytest.mark.parametrize("line", ["cc: fatal error: no input files", "E: failed", "npm error code 1", ""])
def test_other_failures_are_not_taken_for_a_missing_dependency(line: str) -> None:
    assert unresolved([line]) is None


def test_a_failed_step_names_the_dependency_and_what_to_check() -> None:
    step = "[dependencies 2/2] RUN npm ci"
    lines = OUTPUTS["npm, no version"][0].splitlines() + [f"npm error more {number}" for number in range(20)]
    log = "\n".join([f"#9 {step}", *(f"#9 1.{number} {line}" for number, line in enumerate(lines))])
    sources = base64.b64encode(b"Dockerfile:8\n").decode()
    message = 'process "/bin/sh -c npm ci" did not complete successfully: exit code: 1'
    told = problem("apps/page/Dockerfile", {"Name": step, "Message": message, "Sources": sources}, log)
    assert told.why == f"a dependency cannot be downloaded: react 999.0.0 from {NPM}: there is no such version"
    assert told.remedy is not None
    assert told.remedy.startswith("check which versions")
    assert len(told.detail) == 10
