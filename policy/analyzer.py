"""Between Pulumi's engine and the SDK: decodes each resource once, however many policies there are.

The SDK decodes a resource's properties anew for every policy, which is nearly all of a pack's cost. This wrapper takes
the engine's call, decodes the properties, keeps them where the policies find them, and hands the SDK the same call
without them. Names, levels, severities and configuration stay the SDK's business, and so visible to Pulumi.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import grpc  # type: ignore[import-untyped]
from pulumi.runtime import proto
from pulumi_policy import EnforcementLevel

from policy.exemptions import CONFIG_KEY, configured
from policy.objects import Object, Origin
from policy.pulumi_objects import decode, judged, resource_objects
from policy.registry import RULES
from policy.settings import ALL, STAGES, SettingsError, nearest, stage_of, wrong_settings
from policy.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_policy import Policy

    from policy.exemptions import Exemption
    from policy.judge import Unjudged


class Session:
    """What the policies of one run share: the resource at hand, all that came before, and what was not judged."""

    def __init__(self) -> None:
        self._here = threading.local()
        self.seen: dict[str, tuple[Object, ...]] = {}
        self.stack: Stack | None = None
        self.unjudged: dict[tuple[str, str, str], Unjudged] = {}
        self.exemptions: tuple[Exemption, ...] = ()
        self.dry_run = False

    @property
    def current(self) -> tuple[Object, ...] | None:
        """The objects of the resource that is being analyzed, None where nobody has decoded it."""
        return getattr(self._here, "objects", None)

    def enter(self, objects: tuple[Object, ...] | None) -> None:
        """Set the resource that policies judge from here on."""
        self._here.objects = objects

    def enter_stack(self, objects: tuple[Object, ...], dependencies: Mapping[str, frozenset[str]]) -> None:
        """Set the stack that policies judge from here on."""
        self.stack = Stack(objects, dependencies, tuple(self.unjudged.values()), self.exemptions, dry_run=self.dry_run)

    def note(self, unjudged: Unjudged) -> None:
        """Remember a value that was not known, once for each field and rule."""
        key = (unjudged.about.origin.urn or unjudged.about.title, unjudged.path, unjudged.rule.name)
        self.unjudged.setdefault(key, unjudged)


class Analyzer:
    """The SDK's servicer, with decoding done here; what is not overridden goes to it unchanged."""

    def __init__(self, servicer: Any, session: Session, policies: list[Policy]) -> None:
        self._servicer = servicer
        self._session = session
        self._policies = policies

    def __getattr__(self, name: str) -> Any:
        """Return what the SDK's servicer has under this name."""
        return getattr(self._servicer, name)

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802  # the protocol's name
        """Choose the levels of the stack's stage, before the engine asks for them, and read its exemptions."""
        stage = request.config.get("policy:stage") or stage_of(request.stack)
        if stage not in STAGES:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"policy:stage must be dev or prod, is {stage!r}")
        try:
            self._session.exemptions = configured(request.config.get(CONFIG_KEY, "[]"))
        except SettingsError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        self._session.dry_run = request.dry_run
        for policy in self._policies:
            policy.enforcement_level = EnforcementLevel(RULES[policy.name].levels.of(stage).value)
        return self._servicer.ConfigureStack(request, context)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Refuse configuration of policies and settings that do not exist; the SDK would ignore them."""
        problems = []
        for name, config in request.policyConfig.items():
            if name not in {*RULES, ALL}:
                problems.append(f"there is no policy {name!r}{nearest(name, RULES)}")
            else:
                problems += wrong_settings(name, decode(config.properties))
        if problems:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "policy configuration: " + "; ".join(problems))
        return self._servicer.Configure(request, context)

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Judge one resource."""
        if not judged(request.type):
            return proto.AnalyzeResponse()
        objects = tuple(resource_objects(request.type, decode(request.properties), _origin(request)))
        self._session.seen[request.urn] = objects
        self._session.enter(objects)
        try:
            return self._servicer.Analyze(_without_properties(request), context)
        finally:
            self._session.enter(None)

    def Remediate(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Mend one resource; only objects with pods or labels have anything to mend."""
        if not judged(request.type) or request.type.endswith("Patch"):
            return proto.RemediateResponse()
        return self._servicer.Remediate(request, context)

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Judge the stack as a whole, by the inputs that were analyzed and the outputs of what was not."""
        objects: list[Object] = []
        dependencies = {}
        for resource in request.resources:
            if not judged(resource.type):
                continue
            if resource.urn not in self._session.seen:
                found = resource_objects(resource.type, decode(resource.properties), _origin(resource))
                self._session.seen[resource.urn] = tuple(found)
            objects += self._session.seen[resource.urn]
            dependencies[resource.urn] = frozenset(resource.dependencies)
        self._session.enter_stack(tuple(objects), dependencies)
        return self._servicer.AnalyzeStack(proto.AnalyzeStackRequest(), context)


def _origin(request: Any) -> Origin:
    return Origin(urn=request.urn, protect=request.options.protect)


def _without_properties(request: Any) -> Any:
    light = proto.AnalyzeRequest(type=request.type, urn=request.urn, name=request.name)
    light.options.CopyFrom(request.options)
    return light
