"""What a log shows of Pulumi's output: one line at a build's start and at its end, everything of what failed."""

from __future__ import annotations

import pytest

from moorage.engine.display import Display

BUILD = [
    " +  docker-build:index:Image backend-image creating (0s) ",
    " +  docker-build:index:Image backend-image creating (0s) #1 [internal] load build definition from Dockerfile",
    " +  docker-build:index:Image backend-image creating (1s) #5 [library 1/3] FROM base",
    " +  docker-build:index:Image backend-image creating (1s) #5 CACHED",
    " +  docker-build:index:Image backend-image creating (2s) #6 [library 2/3] RUN make",
    " +  docker-build:index:Image backend-image creating (9s) #6 7.123 cc -o rudder",
]


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """No CI system that folds."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)


def shown(lines: list[str], *, failed: bool = False) -> list[str]:
    display = Display(clock=lambda: 0.0)
    return [told for line in lines for told in display.lines(line)] + list(display.end(failed=failed))


def test_a_build_is_two_lines_with_its_steps_and_seconds() -> None:
    assert shown([*BUILD, " +  docker-build:index:Image backend-image created (12s) "]) == [
        "image backend: building",
        "image backend: built in 12 s, 1 of 2 steps cached",
    ]


def test_everything_else_is_left_as_it_is() -> None:
    lines = [
        "Updating (dev):",
        " +  kubernetes:apps/v1:Deployment backend-deployment creating (3s) Waiting for app ReplicaSet",
        "    pulumi:pulumi:Stack quay-dev  ",
        "Policies:",
        "    - [mandatory]  no-latest-tag  (kubernetes:apps/v1:Deployment: x)",
        "",
    ]
    assert shown(lines) == lines


def test_of_an_object_it_is_told_what_it_waits_for_and_that_it_is_there_not_that_it_is_under_way() -> None:
    begin = " +  kubernetes:apps/v1:StatefulSet redis-statefulset"
    lines = [
        " +  moorage:redis:RedisCache redis creating (0s) ",
        f"{begin} creating (0s) ",
        f"{begin} creating (0s) {{[?(@.updatedReplicas == $.spec.replicas)]}}",
        f"{begin} creating (4s) 1 out of 2 replicas succeeded readiness checks",
        f"{begin} creating (8s) Found {{[?(@.updatedReplicas == $.spec.replicas)]}}",
        f"{begin} created (8s) ",
    ]
    assert shown(lines) == [lines[3], lines[5]]


def test_a_progress_bar_is_one_line_of_a_builds_log() -> None:
    bar = " +  docker-build:index:Image backend-image creating (2s) #6 1.2 (Reading database ... 5%\r(Reading database ... 10%\r"
    told = shown([*BUILD, bar], failed=True)
    assert told[-1] == "  (Reading database ... 10%"


def test_a_policy_pack_without_a_finding_is_not_mentioned() -> None:
    pack = ["Policies:", "    ⚠️ moorage@v0.1.0 (local: /srv/policy/run)"]
    unjudged = [
        "        - [advisory] [severity: low]  list-unjudged-values  (kubernetes:core/v1:Pod: x)",
        "          why",
    ]
    finding = "        - [mandatory] [severity: high]  disallow-latest-tag  (kubernetes:apps/v1:Deployment: x)"
    assert shown([*pack, *unjudged, "", "Outputs:"]) == ["", "Outputs:"]
    assert shown([*pack, finding, "", "Outputs:"]) == [*pack, finding, "", "Outputs:"]


def test_the_whole_log_of_what_failed_is_shown_at_the_end() -> None:
    told = shown([*BUILD, " +  docker-build:index:Image backend-image creating (9s) error: exit code: 2"], failed=True)
    assert told[0] == "image backend: building"
    assert told[1].endswith("error: exit code: 2")
    assert told[2] == "build log of image backend:"
    assert "  #6 7.123 cc -o rudder" in told


@pytest.mark.parametrize(
    ("variable", "begin", "end"),
    [("GITHUB_ACTIONS", "::group::build log", "::endgroup::"), ("GITLAB_CI", "section_start:", "section_end:")],
)
def test_a_log_is_folded_where_the_ci_system_can(
    monkeypatch: pytest.MonkeyPatch, variable: str, begin: str, end: str
) -> None:
    monkeypatch.setenv(variable, "true")
    told = shown(BUILD, failed=True)
    assert begin in told[1]
    assert end in told[-1]
    assert "#6 7.123 cc -o rudder" in told


def test_what_was_built_well_beside_a_failure_keeps_its_log_to_itself() -> None:
    other = [line.replace("backend", "worker") for line in BUILD]
    told = shown([*other, " +  docker-build:index:Image worker-image created (2s) ", *BUILD], failed=True)
    assert not any("build log of image worker" in line for line in told)


def test_pulumis_own_word_after_down_gives_way_to_ours() -> None:
    lines = [
        "The resources in the stack have been deleted, but the history and configuration associated with the stack are",
        "If you want to remove the stack completely, run `pulumi stack rm dev`.",
        "Resources:",
    ]
    assert shown(lines) == ["Resources:"]
