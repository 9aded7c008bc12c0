"""The rules as policies of Pulumi's."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)

import policy.rules  # noqa: F401  # registers every rule
from policy.exemptions import exempt
from policy.judge import Finding, judge, judge_stack
from policy.objects import Object, Origin
from policy.pulumi_objects import resource_objects, thaw
from policy.registry import RULES, Rule, Scope
from policy.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pulumi_policy import ReportViolation, ResourceValidationArgs, StackValidationArgs

    from policy.analyzer import Session
    from policy.judge import Outcome

PACK: Final = "moorage"


def policies(session: Session) -> list[Policy]:
    """Return a policy for every rule, at the levels of production until the stack is known."""
    return [_policy(rule, session) for rule in RULES.values()]


def _policy(rule: Rule, session: Session) -> Policy:
    metadata: dict[str, Any] = {
        "name": rule.name,
        "description": rule.summary,
        "display_name": f"{rule.id} {rule.name}",
        "enforcement_level": EnforcementLevel(rule.levels.prod.value),
        "severity": Severity(rule.severity.value),
        "tags": [rule.id, *(["remediable"] if rule.remedy else [])],
        "remediation_steps": rule.fix,
    }
    if rule.standards:
        metadata["framework"] = PolicyComplianceFramework(
            name=rule.standards[0].partition(":")[0], reference="; ".join(rule.standards), specification=rule.why
        )
    if rule.settings:
        metadata["config_schema"] = PolicyConfigSchema({name: dict(schema) for name, schema in rule.settings.items()})
    if rule.scope is Scope.STACK:
        return StackValidationPolicy(validate=_stack_validator(rule, session), **metadata)
    remediate = _remediator(rule) if rule.remedy else None
    return ResourceValidationPolicy(validate=_validator(rule, session), remediate=remediate, **metadata)


def _validator(rule: Rule, session: Session) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        objects = session.current if session.current is not None else _objects(args)
        for item in objects:
            if not rule.kinds or item.kind in rule.kinds:
                _report(judge(rule, item, {**rule.defaults, **args.get_config()}), report, session)

    return validate


def _stack_validator(rule: Rule, session: Session) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = session.stack
        if stack is None:
            objects = tuple(item for resource in args.resources for item in _objects(resource))
            stack = Stack(objects, {}, tuple(session.unjudged.values()), session.exemptions, dry_run=session.dry_run)
        _report(judge_stack(rule, stack, {**rule.defaults, **args.get_config()}), report, session)

    return validate


def _remediator(rule: Rule) -> Callable[[ResourceValidationArgs], Any]:
    def remediate(args: ResourceValidationArgs) -> Mapping[str, Any] | None:
        kind = args.resource_type.rpartition(":")[2]
        if rule.remedy is None or (rule.kinds and kind not in rule.kinds):
            return None
        # Changed in place and handed back: a copy would turn secrets into plain text.
        return args.props if rule.remedy(args.props) else None

    return remediate


def _report(outcomes: Iterable[Outcome], report: ReportViolation, session: Session) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Finding):
            today = date.today()  # noqa: DTZ011  # an exemption ends with the day where the pack runs
            if exempt(outcome, session.exemptions, today) is None:
                report(outcome.message, outcome.about.origin.urn)
        else:
            session.note(outcome)


def _objects(resource: Any) -> tuple[Object, ...]:
    """Decode a resource that the analyzer has not: of the SDK's own test harness, or another server."""
    origin = Origin(urn=resource.urn, protect=resource.opts.protect)
    return tuple(resource_objects(resource.resource_type, thaw(resource.props), origin))
