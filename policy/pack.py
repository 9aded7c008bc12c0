"""The rules as policies of Pulumi's SDK: what remediates resources, and what the tests compare the analyzer with."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyComplianceFramework,
    PolicyConfigSchema,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)
from pulumi_policy.policy import _PolicyAnalyzerServicer

from . import rules  # noqa: F401  # registers every rule
from .exemptions import exempt
from .information import framework_of, tags_of
from .judge import judge, judge_stack
from .objects import NOWHERE, Object, Origin
from .pulumi_objects import resource_objects, thaw
from .registry import PACK, RULES, Rule, Scope
from .verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pulumi_policy import ReportViolation, ResourceValidationArgs, StackValidationArgs

    from .session import Session
    from .verdicts import Outcome


def sdk_servicer(session: Session, stage: str, configuration: Any = None) -> Any:
    """Return the SDK's own server of the rules, at the levels of ``stage`` and as the engine has configured them."""
    servicer: Any = _PolicyAnalyzerServicer(PACK, "0.0.1", policies(session, stage), EnforcementLevel.MANDATORY)
    if configuration is not None:
        servicer.Configure(configuration, None)
    return servicer


def policies(session: Session, stage: str = "prod") -> list[Policy]:
    """Return a policy for every rule, at the levels of ``stage``."""
    return [_policy(rule, session, stage) for rule in RULES.values()]


def _policy(rule: Rule, session: Session, stage: str) -> Policy:
    framework = framework_of(rule)
    metadata: dict[str, Any] = {
        "name": rule.name,
        "description": rule.summary,
        "display_name": f"{rule.id} {rule.name}",
        "enforcement_level": EnforcementLevel(rule.levels.of(stage).value),
        "severity": Severity(rule.severity.value),
        "tags": tags_of(rule),
        "remediation_steps": rule.fix,
    }
    if framework is not None:
        metadata["framework"] = PolicyComplianceFramework(**framework)
    if rule.settings:
        metadata["config_schema"] = PolicyConfigSchema({name: dict(schema) for name, schema in rule.settings.items()})
    if rule.scope is Scope.STACK:
        return StackValidationPolicy(validate=_stack_validator(rule, session), **metadata)
    remediate = _remediator(rule) if rule.remedy else None
    return ResourceValidationPolicy(validate=_validator(rule, session), remediate=remediate, **metadata)


def _validator(rule: Rule, session: Session) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for item in _objects(args, session):
            session.around.note(item)
            if not rule.kinds or item.family in rule.kinds:
                _report(judge(rule, item, {**rule.defaults, **args.get_config()}), report, session)

    return validate


def _stack_validator(rule: Rule, session: Session) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = session.stack(tuple(item for resource in args.resources for item in _objects(resource, session)), {})
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
        if isinstance(outcome, Violation):
            today = date.today()  # noqa: DTZ011  # an exemption ends with the day where the pack runs
            if exempt(outcome, session.exemptions, today) is None:
                report(outcome.message, outcome.about.origin.urn)
        else:
            session.note(outcome)


def _objects(resource: Any, session: Session | None = None) -> tuple[Object, ...]:
    around = session.around if session is not None else NOWHERE
    origin = Origin(urn=resource.urn, protect=resource.opts.protect, around=around)
    return tuple(resource_objects(resource.resource_type, thaw(resource.props), origin))
