"""The pack as Pulumi's engine talks to it: levels by stack, configuration, and what each rule finds.

The SDK would decode a resource's properties again for every policy, and importing it alone takes a third of a second.
So this answers the engine itself, decoding each resource once; a test holds that the SDK comes to the same answers.
Remediation is left to the SDK, which is loaded when there is something to change: it knows how to keep secrets secret.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, json_format  # type: ignore[import-untyped]

from . import rules  # noqa: F401  # registers every rule
from .changes import CONFIG_KEY as ACKNOWLEDGED
from .changes import acknowledged
from .exemptions import CONFIG_KEY, configured, exempt
from .information import LEVELS, SEVERITIES, information
from .judge import judge, judge_stack
from .objects import Object, Origin
from .protocol import messages, plugins, services
from .pulumi_objects import decode, judged, resource_objects
from .registry import PACK, RULES, Level, Rule, Scope
from .settings import ALL, SettingsError, configuration, nearest, stage_of, wrong_settings
from .state import deployed
from .tree import Node
from .verdicts import Unjudged, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .session import Session
    from .stack import Stack
    from .verdicts import Outcome

VERSION: Final = "0.0.1"
"""What a pack says that leaves its version to PulumiPolicy.yaml."""
_BY_STATE: Final = ("disallow-deletion-of-data", "disallow-risky-changes-of-data")
"""What no rule can judge without the state."""
_BY_NUMBER: Final = {number: level for level, number in LEVELS.items()}


class Analyzer(services.AnalyzerServicer):  # type: ignore[misc]
    """Judges one preview or update."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stage = "prod"
        self._levels = dict(configuration("prod").levels)
        self._settings: dict[str, Mapping[str, Any]] = {name: rule.defaults for name, rule in RULES.items()}
        self._configured: Any = None
        self._by_kind: dict[tuple[str, bool], tuple[Rule, ...]] = {}

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  # the protocol's names
        """Say which version of the pack this is."""
        return plugins.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Describe every policy: level in this stack, severity, standards and fix are Pulumi's to show."""
        return information(self._stage, VERSION)

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Choose the levels of the stack's stage, before the engine asks for them, and read its exemptions."""
        try:
            stage = stage_of(request.stack, request.config)
            self._session.exemptions = configured(request.config.get(CONFIG_KEY, "[]"))
            self._session.acknowledged = acknowledged(request.config.get(ACKNOWLEDGED, "[]"))
        except SettingsError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        self._session.dry_run = request.dry_run
        self._read_state(request)
        self._stage = stage
        self._levels = dict(configuration(stage).levels)
        return messages.AnalyzerStackConfigureResponse()

    def _read_state(self, request: Any) -> None:
        states = deployed(request.project, request.stack, request.organization)
        self._session.note_state(states or ())
        if states is None:
            unread = Object("Stack", "", Node({"metadata": {"name": request.stack}}))
            for name in _BY_STATE:
                self._session.note(Unjudged(RULES[name], unread, "what Pulumi's state has"))

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Take levels and settings; refuse those of policies and settings that do not exist, which Pulumi lets pass."""
        problems = []
        for name, config in request.policyConfig.items():
            if name not in {*RULES, ALL}:
                problems.append(f"unknown policy {name!r}{nearest(name, RULES)}")
                continue
            settings = json_format.MessageToDict(config.properties)
            problems += wrong_settings(name, settings)
            if name != ALL:
                self._levels[name] = _BY_NUMBER[config.enforcementLevel]
                self._settings[name] = {**RULES[name].defaults, **settings}
        if problems:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "policy configuration: " + "; ".join(problems))
        self._configured = request
        self._by_kind.clear()
        return empty_pb2.Empty()

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Judge one resource."""
        response = messages.AnalyzeResponse()
        self._session.analyzed.add(request.urn)
        if not judged(request.type):
            return response
        objects = tuple(resource_objects(request.type, decode(request.properties), self._origin(request)))
        self._session.seen[request.urn] = objects
        for item in objects:
            self._session.note_build(item)
            self._session.around.note(item)
            for rule in self._rules(item):
                self._report(judge(rule, item, self._settings[rule.name]), response)
            stack = self._session.beside(item)
            if stack is not None:
                self._judge_stack(stack, response, at_once=True)
            for path in self._session.unread(item):
                for rule in self._stack_rules(at_once=True):
                    self._session.note(Unjudged(rule, item, path))
        return response

    def Remediate(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Remediate one resource, if a rule of level ``remediate`` would change anything in it."""
        if not judged(request.type) or request.type.endswith("Patch") or not any(self._remedies(request)):
            return messages.RemediateResponse()
        from .pack import sdk_servicer  # a third of a second, seldom needed

        try:
            return sdk_servicer(self._session, self._stage, self._configured).Remediate(request, context)
        except (ValueError, AssertionError):
            # It does not read numbers that JSON lacks, nor marks it does not know; what is not changed is judged as it is.
            return messages.RemediateResponse()

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Judge the stack as a whole, by the inputs that were analyzed and the outputs of what was not."""
        objects: list[Object] = []
        dependencies = {}
        for resource in request.resources:
            if self._session.goes(resource.urn):
                continue
            self._session.registered |= {resource.urn, *resource.options.aliases}
            if not judged(resource.type):
                continue
            if resource.urn not in self._session.seen:
                found = resource_objects(resource.type, decode(resource.properties), self._origin(resource))
                self._session.seen[resource.urn] = tuple(found)
            objects += self._session.seen[resource.urn]
            dependencies[resource.urn] = frozenset(resource.dependencies)
        stack = self._session.stack((*objects, *self._session.states.values()), dependencies)
        response = messages.AnalyzeResponse()
        self._judge_stack(stack, response, at_once=False)
        return response

    def _judge_stack(self, stack: Stack, response: Any, *, at_once: bool) -> None:
        for rule in self._stack_rules(at_once=at_once):
            self._report(judge_stack(rule, stack, self._settings[rule.name]), response)

    def _stack_rules(self, *, at_once: bool) -> Iterator[Rule]:
        for rule in RULES.values():
            if rule.scope is Scope.STACK and rule.at_once is at_once and self._levels[rule.name] is not Level.DISABLED:
                yield rule

    def _rules(self, about: Object) -> tuple[Rule, ...]:
        """Return the rules that are not disabled and look at objects such as this one."""
        key = about.family, about.pod is not None
        if key not in self._by_kind:
            self._by_kind[key] = tuple(
                rule
                for rule in RULES.values()
                if rule.scope is not Scope.STACK
                and self._levels[rule.name] is not Level.DISABLED
                and rule.applies_to(about.family, has_pod=about.pod is not None)
            )
        return self._by_kind[key]

    def _remedies(self, request: Any) -> Iterator[bool]:
        """Try each remedy on a copy of the resource, and tell whether it changed anything."""
        kind = request.type.rpartition(":")[2]
        wanted = [
            rule.remedy
            for rule in RULES.values()
            if rule.remedy is not None
            and self._levels[rule.name] is Level.REMEDIATE
            and (not rule.kinds or kind in rule.kinds)
        ]
        copy = decode(request.properties, keep_unknowns=True) if wanted else None
        yield from (remedy(copy) for remedy in wanted)

    def _report(self, outcomes: Iterable[Outcome], response: Any) -> None:
        for outcome in outcomes:
            if not isinstance(outcome, Violation):
                self._session.note(outcome)
                continue
            today = date.today()  # noqa: DTZ011  # an exemption ends with the day where the pack runs
            if exempt(outcome, self._session.exemptions, today) is None:
                response.diagnostics.append(self._diagnostic(outcome))

    def _origin(self, request: Any) -> Origin:
        return Origin(urn=request.urn, protect=request.options.protect, around=self._session.around)

    def _diagnostic(self, violation: Violation) -> Any:
        rule = violation.rule
        level = self._levels[rule.name]
        return messages.AnalyzeDiagnostic(
            policyName=rule.name,
            policyPackName=PACK,
            policyPackVersion=VERSION,
            message=f"{rule.summary}\n{violation.message}",
            urn=violation.about.origin.urn or "",
            description=rule.summary,
            # What a remedy has not fixed stops the deployment.
            enforcementLevel=LEVELS[Level.MANDATORY if level is Level.REMEDIATE else level],
            severity=SEVERITIES[rule.severity],
        )
