"""``moorage policy check``: plain manifests, without a cluster and without Pulumi."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from moorage.policy.check import check_manifests, list_exemptions
from moorage.policy.examples import COMPLIANT
from moorage.policy.manifests import _documents
from moorage.policy.registry import RULES, Level, Scope
from moorage.policy.report import to_json, to_text
from moorage.policy.sarif import to_sarif
from moorage.policy.settings import SettingsError
from moorage.policy.sources import Source
from tests.policy.harness import TEST_SETTINGS, changed_stack

if TYPE_CHECKING:
    from moorage.policy.check import Report

TODAY = date(2026, 12, 1)
PRIVILEGED = """\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: one, namespace: shop}
    spec:
      containers:
        - name: app
          image: registry.example.com/team/app:1
          securityContext:
            privileged: true
"""


BILLIONS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{here}: &{here} [{', '.join([f'*{before}'] * 10)}]\n" for before, here in itertools.pairwise("abcdefghi")
)


def check(folder: Path, *manifests: Any, **options: Any) -> Report:
    """Check these manifests as one file of several documents."""
    file = folder / "stack.yaml"
    file.write_text("---\n".join(item if isinstance(item, str) else yaml.safe_dump(item) for item in manifests))
    return check_manifests([file], today=TODAY, **options)


def names(report: Report) -> set[str]:
    return {item.violation.rule.name for item in report.results}


def test_the_compliant_stack_passes() -> None:
    report = check_manifests([COMPLIANT], config=TEST_SETTINGS, today=TODAY)
    asked = sum(rule.levels.prod is not Level.DISABLED for rule in RULES.values())
    assert to_text(report).splitlines() == [f"28 objects, {asked} policies: 0 violations, 0 advisories"]
    assert report.exit_status == 0


def test_every_rules_example_is_found_in_manifests_too(tmp_path: Path) -> None:
    only_pulumi = {
        "protect-data",
        "list-unjudged-values",
        "disallow-deletion-of-data",
        "disallow-risky-changes-of-data",
    }
    for name, rule in RULES.items():
        if name not in only_pulumi:
            example = rule.example
            config = {"all": "disabled", name: {"enforcementLevel": "advisory", **TEST_SETTINGS.get(name, {})}}
            stack = changed_stack(example.target, example.path, example.value)
            if rule.scope is not Scope.STACK:
                stack = [item for item in stack if item["metadata"]["name"] == example.target.rpartition("/")[2]]
            report = check(tmp_path, *stack, config=config)
            assert name in names(report), name


def test_a_finding_names_file_and_line_inside_a_list(tmp_path: Path) -> None:
    report = check(tmp_path, "kind: ConfigMap\nmetadata: {name: x, namespace: shop}\n", PRIVILEGED, level="baseline")
    (result,) = report.results
    assert result.file.endswith("stack.yaml")
    assert result.line == 15
    assert result.violation.container == "app"
    assert result.violation.remark.path == "items[0].spec.containers[0].securityContext.privileged"
    assert report.exit_status == 1


def test_the_level_selects_the_rules_of_a_standard(tmp_path: Path) -> None:
    found = {level: len(check(tmp_path, PRIVILEGED, level=level).rules) for level in ("baseline", "restricted", "all")}
    assert found["baseline"] < found["restricted"] < found["all"]
    assert names(check(tmp_path, PRIVILEGED, level="baseline")) == {"disallow-privileged-containers"}
    assert "require-run-as-non-root" in names(check(tmp_path, PRIVILEGED, level="restricted"))
    assert "require-memory-limits" not in names(check(tmp_path, PRIVILEGED, level="restricted"))


def test_configuration_changes_levels_and_a_mistake_in_it_is_named(tmp_path: Path) -> None:
    config = {"all": "disabled", "disallow-privileged-containers": "advisory"}
    report = check(tmp_path, PRIVILEGED, config=config)
    assert [item.level for item in report.results] == [Level.ADVISORY]
    assert report.exit_status == 0
    with pytest.raises(SettingsError, match="did you mean 'disallow-privileged-containers'"):
        check(tmp_path, PRIVILEGED, config={"disallow-privileged-container": "advisory"})
    with pytest.raises(SettingsError, match="unknown level 'warn'"):
        check(tmp_path, PRIVILEGED, config={"all": "warn"})


def test_dev_is_milder_than_prod(tmp_path: Path) -> None:
    blocking = {
        stage: sum(item.blocks for item in check(tmp_path, PRIVILEGED, stage=stage).results)
        for stage in ("dev", "prod")
    }
    assert blocking["dev"] < blocking["prod"]


def test_folders_standard_input_and_json_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "pod.json").write_text(json.dumps(yaml.safe_load(PRIVILEGED)))
    (tmp_path / "deep" / "readme.txt").write_text("{not: [yaml")
    assert check_manifests([tmp_path]).objects == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO(PRIVILEGED))
    report = check_manifests(["-"], level="baseline")
    assert [item.file for item in report.results] == ["-"]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: [1, 2\nb: 3\n", 2, "expected ',' or ']'"),
        ("kind: Pod\nspec: !!python/object:os.system {}\n", 2, "could not determine a constructor"),
        ("metadata: {name: x}\n", 1, "kind is missing"),
        (BILLIONS, 1, "over 1000000 values"),
        ("a: &a [*a]\n", 1, "contains itself"),
        ("a: &a {<<: *a}\n", 1, "contains itself"),
        ("[" * 2_000_000, 1, "nested too deeply"),
        ("- " * 1_000_000, 1, "nested too deeply"),
        ("{a: " * 100_000, 1, "nested too deeply"),
        ("? {a: b}\n: c\n", 1, "unhashable key"),
        ("kind: \x00\n", 0, "unacceptable character"),
        ('kind: !!int ""\n', 1, "not what its tag says"),
        ("kind: !!bool perhaps\n", 1, "not what its tag says"),
        ("kind: !!timestamp soon\n", 1, "not what its tag says"),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_is_status_2(tmp_path: Path, text: str, line: int, why: str) -> None:
    report = check(tmp_path, text)
    (problem,) = report.unreadable
    assert why in problem.why
    assert problem.line == line
    assert report.exit_status == 2
    assert "cannot be read" in to_text(report)


def test_a_file_that_is_missing_or_not_utf8_is_said(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"kind: \xff\n")
    report = check_manifests([tmp_path / "none.yaml", tmp_path / "latin.yaml"])
    assert [item.why for item in report.unreadable] == ["No such file or directory", "the file is not UTF-8"]


@given(st.text(max_size=200) | st.text(alphabet="a:-[]{}&*!|>'\"\n ?#%@`,", max_size=60))
def test_no_text_makes_reading_throw(text: str) -> None:
    assert all(found.file == "x" for found in _documents(Source("x"), text))


def test_an_exempted_finding_is_shown_and_does_not_block(tmp_path: Path) -> None:
    manifest = PRIVILEGED.replace(
        "namespace: shop}",
        "namespace: shop, annotations: {policy.moorage.dev/disallow-privileged-containers: 'until 2026-12-31: it drives the node'}}",
    )
    report = check(tmp_path, manifest, level="baseline")
    assert "exempted until 2026-12-31" in to_text(report)
    assert report.exit_status == 0
    (found,) = list_exemptions([tmp_path / "stack.yaml"])
    assert (found.policy, found.reason, found.source) == (
        "disallow-privileged-containers",
        "it drives the node",
        "Pod/one",
    )


def test_the_json_report_says_everything_a_program_needs(tmp_path: Path) -> None:
    report = json.loads(to_json(check(tmp_path, PRIVILEGED, level="baseline")))
    assert report["exitStatus"] == 1
    (violation,) = report["violations"]
    assert violation["policy"] == "disallow-privileged-containers"
    assert violation["seen"] == "true"
    assert violation["container"] == "app"
    assert "CIS 5.2.2" in violation["standards"]


def test_the_sarif_report_points_at_rule_and_line(tmp_path: Path) -> None:
    sarif = json.loads(to_sarif(check(tmp_path, PRIVILEGED)))
    assert sarif["version"] == "2.1.0"
    (run,) = sarif["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1
        assert result["level"] in {"warning", "error"}
    assert "POD-01" in {result["ruleId"] for result in run["results"]}


def test_no_secret_value_is_in_any_report(tmp_path: Path) -> None:
    stack = changed_stack(
        "Deployment/web", "spec.template.spec.containers[0].env[0]", {"name": "API_TOKEN", "value": "canary-1"}
    )
    for item in stack:
        if item["kind"] == "ConfigMap":
            item["data"]["PASSWORD"] = "canary-2"
        if item["kind"] == "Secret":
            item["stringData"]["password"] = "canary-3"
            item["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "canary-4"}
        if item["kind"].endswith("Image"):
            item["buildArgs"]["NPM_TOKEN"] = "canary-5"
        if item["kind"] == "Job":
            item["spec"]["template"]["spec"]["containers"][0]["args"] = ["--password", "canary-6", "--token=canary-7"]
    report = check(tmp_path, *stack)
    assert len(names(report) & {name for name in RULES if "secret" in name}) >= 5
    for written in (to_text(report), to_json(report), to_sarif(report)):
        assert "canary" not in written


def test_judging_manifests_loads_neither_pulumi_nor_grpc() -> None:
    program = "import sys, policy.check, policy.report; print({'pulumi', 'grpc', 'pulumi_policy'} & set(sys.modules))"
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
