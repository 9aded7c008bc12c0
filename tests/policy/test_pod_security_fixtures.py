"""The pack's verdict on a pod is the API server's: every fixture of Kubernetes' own Pod Security tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import moorage.policy.rules  # noqa: F401  # registers every rule
from moorage.policy.judge import judge
from moorage.policy.objects import Origin, manifest_objects
from moorage.policy.registry import RULES
from moorage.policy.verdicts import Violation
from tests.policy import pod_security

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = {"baseline": {"baseline"}, "restricted": {"baseline", "restricted"}}
FEWEST = {("baseline", "pass"): 15, ("baseline", "fail"): 34, ("restricted", "pass"): 23, ("restricted", "fail"): 76}


@pytest.fixture(scope="module")
def testdata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pod_security.fetch(tmp_path_factory.mktemp("pod-security"))


def forbidden(manifest: dict[str, Any], level: str) -> set[str]:
    """Return the policies of a level that the object breaks."""
    return {
        rule.name
        for rule in RULES.values()
        if rule.profile in LEVELS[level]
        for item in manifest_objects(manifest, Origin())
        for outcome in judge(rule, item, rule.defaults)
        if isinstance(outcome, Violation)
    }


@pytest.mark.parametrize("verdict", ["pass", "fail"])
@pytest.mark.parametrize("level", list(LEVELS))
def test_every_fixture_is_judged_as_the_api_server_does(testdata: Path, level: str, verdict: str) -> None:
    fixtures = pod_security.pods(testdata, level, pod_security.NEWEST, verdict)
    assert len(fixtures) >= FEWEST[level, verdict]
    wrong = {}
    for name, pod in fixtures.items():
        for manifest in [pod, *pod_security.wrapped(pod)]:
            broken = forbidden(manifest, level)
            if bool(broken) != (verdict == "fail"):
                wrong[f"{name} as {manifest['kind']}"] = sorted(broken)
    assert wrong == {}


def test_a_fixture_fails_a_policy_of_the_control_that_it_is_named_after(testdata: Path) -> None:
    controls: dict[str, set[str]] = {}
    for rule in RULES.values():
        for standard in rule.standards:
            level, _, control = standard.partition(": ")
            if level.startswith("PSS "):
                # The file names of both levels leave the level out where only one of them has the control.
                controls.setdefault(control.lower(), set()).add(rule.name)
                controls.setdefault(control.lower().removesuffix(f"_{level[4:]}"), set()).add(rule.name)
    for level in LEVELS:
        for name, pod in pod_security.pods(testdata, level, pod_security.NEWEST, "fail").items():
            control = name.removesuffix(".yaml").rstrip("0123456789").removesuffix("_annotations")
            assert controls[control] & forbidden(pod, level), name


def test_fixtures_of_the_oldest_version_still_fail_but_for_what_has_been_relaxed(testdata: Path) -> None:
    old = pod_security.pods(testdata, "baseline", "v1.0", "fail")
    assert len(old) >= 20
    allowed = {re.sub(r"\d*\.yaml$", "", name) for name, pod in old.items() if not forbidden(pod, "baseline")}
    # The seccomp annotation is retired, and with a user namespace any procMount is baseline now.
    assert allowed == {"seccompprofile_baseline", "procmount"}
