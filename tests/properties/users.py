"""Pods that somebody else wrote: what pod, container and image say of the user, and as whom the node then runs them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

import moorage.policy.rules  # noqa: F401  # registers every rule
from moorage.platform.addon_images import SEED_NAME
from moorage.policy.judge import judge
from moorage.policy.objects import Origin, manifest_objects
from moorage.policy.registry import RULES
from moorage.policy.verdicts import Violation
from tests.properties.derived_images import REGISTRY, DerivedImages
from tests.properties.pods import Manifest, node, pod

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE_USERS = ("", "0", "root", "nobody", "10001:10001", "4711")
_ABOUT_USERS = ("require-run-as-non-root", "disallow-root-user", "require-numeric-non-root-user")
_REPORT = ["/bin/sh", "-c", "grep ^Uid: /proc/1/status > /dev/termination-log"]


@dataclass(frozen=True)
class Claim:
    """A ``securityContext``; None for what it leaves out."""

    non_root: bool | None
    user: int | None

    @property
    def context(self) -> Manifest:
        said = {"runAsNonRoot": self.non_root, "runAsUser": self.user}
        return {key: value for key, value in said.items() if value is not None}


@dataclass(frozen=True)
class Identity:
    """A container of some pod."""

    pod: Claim
    container: Claim
    image_user: str

    @property
    def safe(self) -> bool:
        """Whether pod and container by themselves bind it to a user that is not root, whatever the image says."""
        claims = (self.container, self.pod)
        users = [claim.user for claim in claims if claim.user is not None]
        bound = [claim.non_root for claim in claims if claim.non_root is not None]
        return bool(users) and 0 not in users and bool(bound) and False not in bound

    def stopped(self) -> bool:
        """Tell whether the policy pack refuses a pod of this container alone."""
        container = {"name": "c", "image": "registry.example.com/c:1", "securityContext": self.container.context}
        spec = {"securityContext": self.pod.context, "containers": [container]}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "foreign"}, "spec": spec}
        rules = [RULES[name] for name in _ABOUT_USERS]
        outcomes = [
            item
            for one in manifest_objects(manifest, Origin())
            for rule in rules
            for item in judge(rule, one, rule.defaults)
        ]
        return any(isinstance(outcome, Violation) for outcome in outcomes)


def identities() -> st.SearchStrategy[Identity]:
    """Any of them; pods are as few as a node starts quickly."""
    bound = st.sampled_from([None, True, True, False])
    pods = st.builds(Claim, bound, st.sampled_from([None, 0, 2001, 2001]))
    users = st.none() | st.integers(1, 2**31 - 1) | st.just(0)
    return st.builds(Identity, pods, st.builds(Claim, bound, users), st.sampled_from(IMAGE_USERS))


def start(identities: Sequence[Identity]) -> list[int | None]:
    """Start all of them and return the user that each first process had, None for what the node refused to start."""
    images = DerivedImages("property-31", SEED_NAME)
    digests = {user: images.push("user", User=user) for user in IMAGE_USERS}
    shared: dict[Claim, list[Manifest]] = {}
    for number, one in enumerate(identities):
        image = f"{REGISTRY}/{images.folder}/user@{digests[one.image_user]}"
        container = {"name": f"e{number}", "image": image, "command": _REPORT, "securityContext": one.container.context}
        shared.setdefault(one.pod, []).append(container)
    with node("property-31") as here:
        here.start(
            [
                pod(f"users-{index}-{os.getpid()}", {"securityContext": claim.context, "containers": containers})
                for index, (claim, containers) in enumerate(shared.items())
            ]
        )
        statuses = [status for item in here.wait(_settled, "started or refused") for status in _statuses(item)]
    ran = {status["name"]: status["state"].get("terminated") for status in statuses}
    return [_user(ran[f"e{number}"]) for number in range(len(identities))]


def _statuses(item: Manifest) -> list[Manifest]:
    found: list[Manifest] = item["status"].get("containerStatuses", [])
    return found


def _settled(item: Manifest) -> bool:
    states = [status["state"] for status in _statuses(item)]
    refused = [state.get("waiting", {}).get("reason") == "CreateContainerConfigError" for state in states]
    return bool(states) and all("terminated" in state or no for state, no in zip(states, refused, strict=True))


def _user(ended: dict[str, Any] | None) -> int | None:
    if ended is None:
        return None
    assert ended["exitCode"] == 0, ended
    real, *others = (int(word) for word in ended["message"].split()[1:])
    assert others == [real] * 3
    return real
