"""What Pulumi is told of each policy: its level in a stack, severity, standards, settings and fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .protocol import messages
from .registry import PACK, RULES, Level, Scope, Severity

if TYPE_CHECKING:
    from .registry import Rule

LEVELS: Final[dict[Level, int]] = {level: messages.EnforcementLevel.Value(level.name) for level in Level}
SEVERITIES: Final[dict[Severity, int]] = {
    severity: messages.PolicySeverity.Value(f"POLICY_SEVERITY_{severity.name}") for severity in Severity
}


def information(stage: str, version: str) -> Any:
    """Return the AnalyzerInfo of the pack in ``stage``."""
    info = messages.AnalyzerInfo(name=PACK, version=version, supportsConfig=True)
    info.policies.extend(_policy(rule, stage) for rule in RULES.values())
    return info


def framework_of(rule: Rule) -> dict[str, str] | None:
    """Return the standard that a rule comes from, None for none; ``reference`` lists all of them."""
    if not rule.standards:
        return None
    name = rule.standards[0].partition(":")[0]
    return {"name": name, "reference": "; ".join(rule.standards), "specification": rule.why}


def tags_of(rule: Rule) -> list[str]:
    """Return what the rule can be found by."""
    return [rule.id, *(["remediable"] if rule.remedy else [])]


def _policy(rule: Rule, stage: str) -> Any:
    framework = framework_of(rule)
    info = messages.PolicyInfo(
        name=rule.name,
        displayName=f"{rule.id} {rule.name}",
        description=rule.summary,
        enforcementLevel=LEVELS[rule.levels.of(stage)],
        severity=SEVERITIES[rule.severity],
        policy_type=messages.POLICY_TYPE_STACK if rule.scope is Scope.STACK else messages.POLICY_TYPE_RESOURCE,
        framework=messages.PolicyComplianceFramework(**framework) if framework else None,
        tags=tags_of(rule),
        remediation_steps=rule.fix,
    )
    if rule.settings:
        info.configSchema.properties.update({name: dict(schema) for name, schema in rule.settings.items()})
    return info
