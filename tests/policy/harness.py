"""Judging objects as Pulumi's engine has them judged: through the SDK's policies and its read-only proxies."""

from __future__ import annotations

import copy
from typing import Any

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from moorage.policy.examples import changed, compliant_stack
from moorage.policy.judge import judge, judge_stack
from moorage.policy.pack import _objects, _policy, policies
from moorage.policy.registry import RULES, Scope
from moorage.policy.session import Session
from moorage.policy.stack import Stack
from moorage.policy.verdicts import Violation

Manifest = dict[str, Any]

TEST_SETTINGS: dict[str, dict[str, Any]] = {
    "restrict-image-registries": {"allowedRegistries": ["registry.example.com"]},
}
"""Rules that do nothing without settings of a user's own, and settings that the compliant stack keeps."""


def options(*, protect: bool = False) -> PolicyResourceOptions:
    return PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


def pulumi_type(manifest: Manifest) -> str:
    version, kind = manifest.get("apiVersion", "v1"), manifest["kind"]
    if ":" in kind:
        return str(kind)
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"


def urn_of(manifest: Manifest) -> str:
    return f"urn:pulumi:test::test::{pulumi_type(manifest)}::{manifest.get('metadata', {}).get('name', 'x')}"


def settings_of(name: str) -> dict[str, Any]:
    return {**RULES[name].defaults, **TEST_SETTINGS.get(name, {})}


class Judge:
    """One run of the pack over some objects; ``violations`` are (policy, message) pairs."""

    def __init__(
        self,
        *manifests: Manifest,
        only: str | None = None,
        config: dict[str, Any] | None = None,
        unprotected: str | None = None,
        session: Session | None = None,
    ) -> None:
        self.session = session or Session()
        self.session.dry_run = True
        self.violations: list[tuple[str, str]] = []
        every = only in {None, "list-unjudged-values"}
        wanted = policies(self.session) if every else [_policy(RULES[str(only)], self.session, "prod")]
        for policy in wanted:
            settings = settings_of(policy.name) | (config or {})

            def report(message: str, urn: str | None = None, name: str = policy.name) -> None:
                if only not in {None, name}:
                    return
                self.violations.append((name, message))

            if isinstance(policy, ResourceValidationPolicy):
                for manifest in manifests:
                    policy.validate(_resource_args(manifest, settings, unprotected), report)
            elif isinstance(policy, StackValidationPolicy):
                resources = [_stack_resource(manifest, unprotected) for manifest in manifests]
                policy.validate(StackValidationArgs(resources, settings), report)

    @property
    def broken(self) -> set[str]:
        """Names of the policies that reported something."""
        return {name for name, _ in self.violations}

    @property
    def messages(self) -> str:
        return "\n".join(message for _, message in self.violations)

    @property
    def unjudged(self) -> dict[str, set[str]]:
        """Paths that were not known, by policy."""
        result: dict[str, set[str]] = {}
        for item in self.session.unjudged.values():
            result.setdefault(item.rule.name, set()).add(item.path)
        return result


def sweep(*manifests: Manifest) -> set[str]:
    """Return the names of the rules that are broken, reading each object through the proxies once: for many runs."""
    objects = [item for manifest in manifests for item in _objects(_resource_args(manifest, {}, None))]
    stack = Stack(tuple(objects), dry_run=True)
    broken = set()
    for rule in RULES.values():
        settings = settings_of(rule.name)
        if rule.scope is Scope.STACK:
            outcomes = list(judge_stack(rule, stack, settings))
        else:
            outcomes = [outcome for item in objects for outcome in judge(rule, item, settings)]
        findings = [outcome for outcome in outcomes if isinstance(outcome, Violation)]
        assert all(finding.message for finding in findings)
        broken |= {finding.rule.name for finding in findings}
    return broken


def _resource_args(manifest: Manifest, settings: dict[str, Any], unprotected: str | None) -> ResourceValidationArgs:
    props = unknown_checking_proxy(copy.deepcopy(manifest))
    name = str(manifest.get("metadata", {}).get("name", "x")) if isinstance(manifest.get("metadata"), dict) else "x"
    urn = f"urn:pulumi:test::test::{pulumi_type(manifest)}::{name}"
    opts = options(protect=f"{manifest['kind']}/{name}" != unprotected)
    return ResourceValidationArgs(pulumi_type(manifest), props, urn, name, opts, None, settings)


def _stack_resource(manifest: Manifest, unprotected: str | None) -> PolicyResource:
    args = _resource_args(manifest, {}, unprotected)
    return PolicyResource(args.resource_type, args.props, args.urn, args.name, args.opts, None, None, [], {})


def changed_stack(target: str, path: str, value: Any) -> list[Manifest]:
    """Return the compliant stack with one field changed."""
    return changed(compliant_stack(), target, path, value)


def unknown_at(target: str, path: str) -> list[Manifest]:
    """Return the compliant stack with one field not known yet."""
    return changed_stack(target, path, UNKNOWN_STRING_VALUE)


def web(**fields: Any) -> Manifest:
    """Return the compliant Deployment; each field is a path, with ``.`` as ``__``, from the pod's spec, and its value.

    ``c`` stands for the container.
    """
    stack = compliant_stack()
    for path, value in fields.items():
        where = (
            path.replace("__", ".").replace("c.", "containers[0].", 1)
            if path.startswith("c__")
            else path.replace("__", ".")
        )
        stack = changed(stack, "Deployment/web", f"spec.template.spec.{where}", value)
    return next(item for item in stack if item["kind"] == "Deployment" and item["metadata"]["name"] == "web")
