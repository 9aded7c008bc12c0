"""No message of any policy ever shows a secret, whatever else is wrong with the object that holds it."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.policy.examples import changed, compliant_stack
from moorage.policy.registry import RULES
from tests.policy.harness import Judge, Manifest

CANARY = "canary-7f3a9c51d2"
CONTAINER = "spec.template.spec.containers[0]"
PLACES: dict[str, tuple[str, str, Any]] = {
    "Secret": ("Secret/web-database", "stringData", {"password": CANARY, "url": f"postgres://shop:{CANARY}@db/shop"}),
    "variable": ("Deployment/web", f"{CONTAINER}.env[1]", {"name": "DATABASE_PASSWORD", "value": CANARY}),
    "argument": ("Deployment/web", f"{CONTAINER}.args", ["--token", CANARY, f"--password={CANARY}"]),
    "annotation": ("Deployment/web", "metadata.annotations", {"note": f"postgres://shop:{CANARY}@db/shop"}),
    "ConfigMap": ("ConfigMap/web", "data.API_TOKEN", CANARY),
    "build argument": ("docker-build:index:Image/web", "buildArgs.NPM_TOKEN", CANARY),
}


def with_canaries() -> list[Manifest]:
    stack = compliant_stack()
    for target, path, value in PLACES.values():
        stack = changed(stack, target, path, value)
    return stack


def test_each_secret_out_of_place_is_found_and_none_is_shown() -> None:
    judge = Judge(*with_canaries())
    assert judge.broken >= {
        "disallow-literal-secrets-in-variables",
        "disallow-secrets-in-arguments",
        "disallow-secrets-in-annotations",
        "disallow-secrets-in-config-maps",
        "disallow-secrets-in-builds",
    }
    assert CANARY not in judge.messages


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_no_other_violation_beside_it_brings_a_secret_to_light(rule: Any) -> None:
    stack = changed(with_canaries(), rule.example.target, rule.example.path, rule.example.value)
    judge = Judge(*stack, only=rule.name)
    assert CANARY not in judge.messages
    assert CANARY not in str(judge.unjudged)
