"""``moorage policy`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from moorage.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
LOOSE = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: y}\nspec: {containers: [{name: c, image: nginx}]}\n"
COMPLIANT = ROOT / "policy" / "compliant.yaml"


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["policy", *arguments], input=stdin)


def test_a_compliant_stack_passes() -> None:
    result = run("check", str(COMPLIANT))
    assert result.exit_code == 0, result.output


def test_a_loose_pod_fails_with_place_reason_and_fix() -> None:
    result = run("check", "-", "--level", "restricted", stdin=LOOSE)
    assert result.exit_code == 1
    assert "require-run-as-non-root" in result.output
    assert "fix: " in result.output


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_machine_readable_reports_are_json(form: str) -> None:
    result = run("check", "-", "--format", form, stdin=LOOSE)
    assert json.loads(result.output)


def test_what_cannot_be_read_has_an_exit_status_of_its_own() -> None:
    assert run("check", "-", stdin="a: [").exit_code == 2


def test_a_policy_that_does_not_exist_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"require-run-as-nonroot": "advisory"}')
    result = run("check", str(COMPLIANT), "--config", str(config))
    assert result.exit_code == 1
    assert "require-run-as-non-root" in str(result.exception)


def test_every_policy_is_listed() -> None:
    result = run("list")
    assert result.exit_code == 0
    assert "disallow-privileged" in result.output


EXEMPTIONS = """config:
  policy:exemptions:
    - {{policy: require-cpu-limits, object: Deployment/cache-*, reason: bursts are wanted, expires: {day}}}
"""


def test_exemptions_of_manifests_are_listed(tmp_path: Path) -> None:
    assert "no exemptions" in run("exemptions", str(COMPLIANT)).output
    annotation = 'annotations: {policy.moorage.dev/require-cpu-limits: "until 2020-01-31: bursts were wanted"}'
    (tmp_path / "pod.yaml").write_text(LOOSE.replace("metadata: {", f"metadata: {{{annotation}, "))
    assert "2020-01-31, expired" in run("exemptions", str(tmp_path)).output


def test_without_a_path_the_exemptions_of_the_stacks_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("Pulumi.yaml", "__main__.py"):
        (tmp_path / name).touch()
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    assert "no exemptions" in run("exemptions").output
    stack = tmp_path / "Pulumi.prod.yaml"
    stack.write_text(EXEMPTIONS.format(day="2099-01-31"))
    listed = run("exemptions").output
    assert "Deployment/cache-*" in listed
    assert "2099-01-31 " in listed
    assert "Pulumi.prod.yaml, policy:exemptions[0]" in listed
    stack.write_text(EXEMPTIONS.format(day="soon"))
    result = run("exemptions")
    assert result.exit_code == 1
    assert "Pulumi.prod.yaml: invalid exemption in stack prod" in str(result.exception)
    assert "expires must be a day" in str(result.exception)
