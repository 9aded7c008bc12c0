"""The user for previews of docs/access/preview.yaml, against the objects that a stack has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.program_samples import run_program

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def access() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "docs" / "access" / "preview.yaml").read_text()))


def rules(access: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [rule for found in access if found["kind"] == "ClusterRole" for rule in found["rules"]]


def test_the_user_for_previews_may_ask_about_every_object_of_a_stack_but_secrets(
    access: list[dict[str, Any]], tmp_path: Path
) -> None:
    settings = {"ingress": {"host": "harbour.example", "tls": {"selfSigned": True}}, "protect": True}
    kinds = {(item.inputs["apiVersion"], item.kind) for item in run_program(tmp_path, "prod", settings).objects()}
    allowed = {
        (group, resource)
        for rule in rules(access)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if {"get", "list", "create", "patch"} <= set(rule["verbs"])
    }
    asked = {(version.rpartition("/")[0], plural(kind)) for version, kind in kinds}
    assert len(asked) > 8
    assert asked - allowed == {("", "secrets")}


def plural(kind: str) -> str:
    lower = kind.lower()
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}es" if lower.endswith("s") else f"{lower}s"


def test_the_user_for_previews_may_delete_nothing_and_read_no_secret(access: list[dict[str, Any]]) -> None:
    verbs = {verb for rule in rules(access) for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch", "create", "patch"}
    named = {word for rule in rules(access) for word in (*rule["apiGroups"], *rule["resources"])}
    assert not named & {"*", "secrets", "roles", "clusterroles", "rolebindings", "serviceaccounts/token", "pods/exec"}
