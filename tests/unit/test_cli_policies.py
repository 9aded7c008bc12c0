"""``moorage policy`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from moorage.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
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


def test_exemptions_of_manifests_are_listed() -> None:
    assert "no exemptions" in run("exemptions", str(COMPLIANT)).output
