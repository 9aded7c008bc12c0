"""What somebody has reviewed of an update: the steps that a preview found, and the sources and the state that it saw.

Pulumi's own update plans are experimental, and stop an update in its middle. This one is compared before anything is
changed. There is no content and no secret in it, only digests.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from moorage.build.digests import Inputs
from moorage.build.record import record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moorage.config.project import Project
    from moorage.engine.events import Step
    from moorage.engine.look import Seen
    from moorage.engine.state import State

FORM: Final = 1
"""Version of the file's form."""
_SETTINGS = "settings"
_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One reviewed update of one stack."""

    form: int = FORM
    stack: str
    project: str
    commit: str
    """Of the checkout; empty where git knows none."""
    made: str
    """When, in UTC."""
    sources: Mapping[str, str]
    """Digests of what the stack is made from, by what people call it: ``apps/backend``, ``Pulumi.prod.yaml``."""
    state: str
    """Digest of the state that the preview saw."""
    drift: tuple[str, ...]
    """What had changed in the cluster, which the update restores."""
    steps: Mapping[str, str]
    """What would be done, and the digest of what the program asks for, by URN: ``update 3f…``."""

    def to_json(self) -> str:
        """Return the plan as the text of its file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def plan_of(text: str) -> Plan | None:
    """Return the plan that a file's text holds; None where it is none, or one of another form."""
    try:
        found = json.loads(text)
        plan = Plan(**{**found, "drift": tuple(found["drift"])})
    except (ValueError, TypeError, KeyError):
        return None
    texts = (plan.stack, plan.project, plan.commit, plan.made, plan.state, *plan.drift)
    pairs = (plan.sources, plan.steps)
    sound = all(isinstance(text, str) for text in texts) and all(isinstance(pair, dict) for pair in pairs)
    return plan if sound and plan.form == FORM else None


def sources_of(project: Project) -> dict[str, str]:
    """Return the digests of what a stack is made from: each image's inputs, each workload's settings, the stack's file."""
    record = record_of(project, Inputs(project).all())
    settings = project.program / f"Pulumi.{project.stack_name}.yaml"
    return {
        **{name: image.digest for name, image in record.images.items()},
        **{f"{_SETTINGS} of {name}": digest_of(dict(found)) for name, found in record.workloads.items()},
        settings.name: hashlib.sha256(settings.read_bytes()).hexdigest()[:_DIGITS],
    }


def state_digest(state: State) -> str:
    """Return the digest of what the last update was asked for; what a cluster says of its own is left out."""
    return digest_of(sorted([one.urn, one.protect, one.leaving, dict(one.inputs)] for one in state.resources))


def steps_of(steps: Iterable[Step]) -> dict[str, str]:
    """Return what would be done to each resource, as it is compared."""
    return {step.urn: f"{step.op} {digest_of(dict(step.new))}" for step in steps}


def drift_of(seen: Seen) -> tuple[str, ...]:
    """Return what has changed in the cluster, as it is compared."""
    return tuple(sorted(str(drift) for drift in seen.drifts))


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the keys under which two say something else, or only one says something."""
    return [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]


def digest_of(value: Any) -> str:
    """Return a short digest of any plain value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
