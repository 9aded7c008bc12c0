"""The SARIF report is one that code review takes: URIs that are URIs, everything that is asked for, tags by subject."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from moorage.policy.check import check_manifests
from moorage.policy.registry import RULES
from moorage.policy.sarif import tags, to_sarif

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {hostNetwork: true, containers: []}\n"
_URI = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-F]{2})+")
"""What RFC 3986 lets stand in a path."""
LEVELS = {"none", "note", "warning", "error"}


def run_of(root: Path, *paths: Any, **options: Any) -> dict[str, Any]:
    sarif = json.loads(to_sarif(check_manifests(paths, **options), root))
    assert sarif["version"] == "2.1.0"
    (run,) = sarif["runs"]
    return dict(run)


def uris(run: dict[str, Any]) -> set[str]:
    places = [place for item in run["results"] for place in item["locations"]]
    places += [place for item in run["invocations"][0]["toolExecutionNotifications"] for place in item["locations"]]
    return {place["physicalLocation"]["artifactLocation"]["uri"] for place in places}


@pytest.mark.parametrize(
    "name",
    ["sp ace/x.yaml", "a#b/x.yaml", "100%/x.yaml",
     "ü/x.yaml", "q?.yaml", "a:b/x.yaml",
     "br[ack]et/x.yaml", 'qu"ote.yaml', "back\\slash.yaml", "a%20b.yaml"],
)  # fmt: skip
def test_a_uri_is_encoded_and_leads_from_the_root_to_the_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(POD)
    (uri,) = uris(run_of(tmp_path, tmp_path))
    assert _URI.fullmatch(uri)
    assert not urlsplit(uri).scheme
    assert unquote(uri) == name
    (tmp_path / name).write_text("kind: [\napiVersion")
    assert uris(run_of(tmp_path, tmp_path)) == {uri}


def test_a_name_that_is_no_utf8_is_encoded_byte_by_byte(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")).write_text(POD)
    (uri,) = uris(run_of(tmp_path, tmp_path))
    assert _URI.fullmatch(uri)


def test_the_root_is_that_of_the_repository_however_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repo"
    (repository / "deploy").mkdir(parents=True)
    (repository / "deploy" / "x.yaml").write_text(POD)
    subprocess.run(["git", "init", "-q", repository], check=True)
    monkeypatch.chdir(repository / "deploy")
    for name in ("x.yaml", "./x.yaml", "../deploy/x.yaml", str(repository / "deploy" / "x.yaml")):
        sarif = json.loads(to_sarif(check_manifests([name])))
        assert uris(sarif["runs"][0]) == {"deploy/x.yaml"}
        place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
        assert place["uriBaseId"] in sarif["runs"][0]["originalUriBaseIds"]
    (tmp_path / "out side.yaml").write_text(POD)
    (uri,) = uris(json.loads(to_sarif(check_manifests(["../../out side.yaml"])))["runs"][0])
    assert uri == f"file://{tmp_path}/out%20side.yaml"


def test_the_report_has_what_code_scanning_asks_for(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(f"{POD}---\nkind: [\n")
    (tmp_path / "values.yaml").write_text("a: 1\n")
    run = run_of(tmp_path, tmp_path)
    driver = run["tool"]["driver"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", driver["version"])
    assert driver["semanticVersion"] == driver["version"]
    assert driver["informationUri"].startswith("https://")
    assert [item["level"] for item in run["invocations"][0]["toolExecutionNotifications"]] == ["error", "note"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len({item["id"] for item in driver["rules"]}) == len(driver["rules"])
    for item in driver["rules"]:
        assert item["helpUri"] == f"https://{item['helpUri'].removeprefix('https://')}"
        assert item["helpUri"].endswith(f"policy-reference.md#{item['name']}")
        assert item["shortDescription"]["text"]
        assert item["fullDescription"]["text"]
        assert item["help"]["text"]
        assert item["defaultConfiguration"]["level"] in LEVELS
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in LEVELS
        assert result["message"]["text"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1


def test_a_rule_is_tagged_by_its_subject_and_scored_as_security_only_where_it_is() -> None:
    subjects = {rule.name: tags(rule)[0] for rule in RULES.values()}
    assert subjects["disallow-privileged-containers"] == "security"
    assert subjects["require-readiness-probes"] == "reliability"
    assert subjects["require-recommended-labels"] == "maintainability"
    assert set(subjects.values()) == {"security", "reliability", "maintainability"}
    assert "CIS 5.2.2" in tags(RULES["disallow-privileged-containers"])


def test_only_rules_about_security_have_a_score(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(POD)
    for item in run_of(tmp_path, tmp_path)["tool"]["driver"]["rules"]:
        properties = item["properties"]
        assert ("security-severity" in properties) == ("security" in properties["tags"])


def test_an_exemption_says_whether_it_stands_in_the_file(tmp_path: Path) -> None:
    listed = {"policy": "disallow-bare-pods", "object": "Pod/p", "reason": "it is a test pod", "expires": "2027-01-31"}
    note = "annotations: {policy.moorage.dev/disallow-host-namespaces: 'until 2027-01-31: it drives the node'}"
    (tmp_path / "x.yaml").write_text(POD.replace("namespace: shop", f"namespace: shop, {note}"))
    results = run_of(tmp_path, tmp_path, exemptions=[listed])["results"]
    kinds = {item["ruleId"]: item["suppressions"][0]["kind"] for item in results if "suppressions" in item}
    assert kinds == {"POD-23": "external", "POD-02": "inSource"}
