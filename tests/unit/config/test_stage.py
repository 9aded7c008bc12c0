"""Development or production: the program, the policies and the command line all give the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.base.stage import DEVELOPMENT_NAMES, stage_of
from moorage.cli.deploy import update_arguments
from moorage.policy.settings import SettingsError
from moorage.policy.settings import stage_of as stage_of_the_policies
from tests.unit.program_samples import run_program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.unit.config_samples import Monorepo

NAMES = {
    **dict.fromkeys(DEVELOPMENT_NAMES, "development"),
    **dict.fromkeys(("dev-anna", "test-7", "sandbox-eu-1", "local-x", "DEV"), "development"),
    **dict.fromkeys(("prod", "staging", "devops", "dev2", "testing", "eu-dev", "production"), "production"),
}
SETTINGS: list[tuple[dict[str, str], str | None]] = [
    ({}, None),
    ({"moorage:stage": "development"}, "development"),
    ({"moorage:stage": "production"}, "production"),
    ({"policy:stage": "dev"}, "development"),
    ({"policy:stage": "prod"}, "production"),
    ({"moorage:stage": "development", "policy:stage": "dev"}, "development"),
    ({"moorage:stage": "production", "policy:stage": "prod"}, "production"),
]


def with_settings(monorepo: Monorepo, stack: str, settings: Mapping[str, str]) -> None:
    (monorepo.root / "Pulumi.dev.yaml").rename(monorepo.root / f"Pulumi.{stack}.yaml")
    lines = "".join(f"  {key}: {value}\n" for key, value in settings.items())
    monorepo.change(f"Pulumi.{stack}.yaml", "config:\n", f"config:\n{lines}  moorage:namespace: one\n")


@pytest.mark.parametrize(("settings", "said"), SETTINGS, ids=str)
@pytest.mark.parametrize("stack", sorted(NAMES))
def test_program_policies_and_command_line_agree(
    monorepo: Monorepo, stack: str, settings: dict[str, str], said: str | None
) -> None:
    with_settings(monorepo, stack, settings)
    expected = said or NAMES[stack]
    project = monorepo.load(stack)
    assert project.stage == expected
    assert project.development == (expected == "development")
    assert stage_of_the_policies(stack, settings) == {"development": "dev", "production": "prod"}[expected]
    assert ("--skip-preview" in update_arguments(project)) == (expected == "development")


@pytest.mark.parametrize(
    ("stack", "settings", "environment", "ready"),
    [
        ("dev", {}, "development", 0),
        ("dev-anna", {}, "development", 0),
        ("dev-eu", {"stage": "production"}, "production", 10),
        ("staging", {}, "production", 10),
        ("staging", {"stage": "development"}, "development", 0),
    ],
)
def test_services_are_told_and_rolled_out_accordingly(
    tmp_path: Path, stack: str, settings: dict[str, str], environment: str, ready: int
) -> None:
    found = run_program(tmp_path, stack, settings)
    assert found.one("ConfigMap", "backend-config").inputs["data"]["ENVIRONMENT"] == environment
    assert {each.inputs["spec"]["minReadySeconds"] for each in found.of("Deployment")} == {ready}


CONTRADICTIONS = [("production", "dev"), ("development", "prod")]


@pytest.mark.parametrize(("own", "given_to_policies"), CONTRADICTIONS)
def test_two_settings_that_contradict_each_other_are_one_error_at_the_second(
    monorepo: Monorepo, own: str, given_to_policies: str
) -> None:
    settings = {"moorage:stage": own, "policy:stage": given_to_policies}
    with_settings(monorepo, "dev-eu", settings)
    problem = monorepo.problem("dev-eu")
    assert problem.what == f"moorage:stage is {own}, policy:stage is {given_to_policies}"
    assert monorepo.place(problem) == "Pulumi.dev-eu.yaml:4:17"
    assert "remove policy:stage" in str(problem.remedy)
    with pytest.raises(SettingsError, match="moorage:stage is"):
        stage_of_the_policies("dev-eu", settings)


@pytest.mark.parametrize("value", ["production", "Prod", "true", "7"])
def test_a_value_that_the_policies_do_not_know_is_refused(monorepo: Monorepo, value: str) -> None:
    with_settings(monorepo, "dev", {"policy:stage": value})
    problem = monorepo.problem("dev")
    assert problem.what.startswith("policy:stage must be dev or prod")
    with pytest.raises(SettingsError, match="policy:stage must be dev or prod"):
        stage_of_the_policies("dev", {"policy:stage": value})


@pytest.mark.parametrize(
    ("value", "meant"), [("prod", "production"), ("dev", "development"), ("Production", "production")]
)
def test_a_slip_in_the_stage_is_met_with_what_was_meant(monorepo: Monorepo, value: str, meant: str) -> None:
    with_settings(monorepo, "dev", {"moorage:stage": value})
    assert monorepo.problem("dev").remedy == f"did you mean {meant}?"


@pytest.mark.parametrize("form", ["prod", "{value: prod}", "{default: prod}"])
def test_what_pulumi_yaml_says_for_all_stacks_counts_where_the_stack_says_nothing(
    monorepo: Monorepo, form: str
) -> None:
    monorepo.write("Pulumi.yaml", f"name: acme\nruntime: python\nconfig:\n  policy:stage: {form}\n")
    assert not monorepo.load("dev").development
    monorepo.change("Pulumi.dev.yaml", "config:\n", "config:\n  policy:stage: dev\n")
    assert monorepo.load("dev").development
    monorepo.change("Pulumi.dev.yaml", "  policy:stage: dev\n", "  moorage:stage: development\n")
    problem = monorepo.problem("dev")
    assert monorepo.place(problem).startswith("Pulumi.yaml:4:")


def test_settings_in_pulumi_yaml_are_refused_instead_of_ignored(monorepo: Monorepo) -> None:
    text = "name: acme\nruntime: python\nconfig:\n  aws:region: eu-north-1\n  moorage:protect: true\n"
    monorepo.write("Pulumi.yaml", text)
    problem = monorepo.problem("dev")
    assert (problem.what, monorepo.place(problem)) == ("moorage:protect stands in Pulumi.yaml", "Pulumi.yaml:5:3")


@given(st.text(min_size=1, max_size=20))
def test_a_name_is_for_development_only_as_one_of_the_names_or_before_a_hyphen(name: str) -> None:
    begins = any(name.lower() == known or name.lower().startswith(f"{known}-") for known in DEVELOPMENT_NAMES)
    assert (stage_of(name) == "development") == begins
