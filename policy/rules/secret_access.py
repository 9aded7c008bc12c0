"""Who may read which Secret, by rights on the API and by volumes, and whether it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..examples import Example
from ..judge import across, each
from ..registry import ADVICE, Scope, Severity, rule
from ..rights import grants
from ..tree import ShapeError, UnknownError
from .references import references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..stack import Stack
    from ..tree import Node, Remark


@rule(
    "SEC-06",
    "prefer-secrets-for-their-users-only",
    summary="A workload can read no Secret that it does not use.",
    why="whoever breaks into the workload has every Secret that it may read, used or not",
    fix="take the Secret out of the Role's resourceNames, or remove the volume that no container mounts",
    scope=Scope.STACK,
    levels=ADVICE,
    severity=Severity.MEDIUM,
    standards=("CIS 5.1.2", "NSA authentication and authorization"),
    example=Example(
        target="Role/web",
        path="rules[0]",
        value={"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["billing"], "verbs": ["get"]},
        unknown="rules[0].resources",
    ),
)
def prefer_secrets_for_users(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that Secrets which a Role names are used by the pods of its accounts, and that secret volumes are mounted."""
    used = _used(stack)

    def granted(role: Object) -> Iterator[Remark]:
        accounts = _accounts(stack, role)
        users = {key: used[key] for key in accounts if key in used}

        def right(item: Node) -> Iterator[Remark]:
            if not users or not grants(item, [("", "secrets")]):
                return
            for name in item["resourceNames"].elements():
                idle = sorted(account for (_, account), names in users.items() if name.text() not in names)
                if idle:
                    yield name.remark(f"is not used by any pod of {', '.join(idle)}")

        yield from each(role.root["rules"].elements(), right)

    def mounted(about: Object) -> Iterator[Remark]:
        if about.pod is not None:
            mounts = {
                item["name"].text()
                for container in about.pod.containers
                for item in container["volumeMounts"].elements()
            }
            for volume in about.pod.spec["volumes"].elements():
                if volume["secret"].present and volume["name"].text() not in mounts:
                    yield volume["name"].remark("must be mounted by a container, or be absent")

    yield from across(stack.of("Role"), granted)
    yield from across((pod.owner for pod in stack.pods), mounted)


def _accounts(stack: Stack, role: Object) -> set[tuple[str, str]]:
    """Return namespace and name of the service accounts that a Role is bound to."""
    found = set()
    namespace = role.home
    for binding in stack.of("RoleBinding"):
        reference = binding.root["roleRef"]
        if (binding.home, reference["kind"].text(), reference["name"].text()) == (namespace, "Role", role.name):
            for subject in binding.root["subjects"].elements():
                if subject["kind"].text() == "ServiceAccount":
                    found.add((subject["namespace"].text() or namespace, subject["name"].text() or ""))
    return found


def _used(stack: Stack) -> dict[tuple[str, str], set[str]]:
    """Return the Secrets that the pods of each service account refer to.

    An account of a pod whose references are not all known is left out.
    """
    used: dict[tuple[str, str], set[str]] = {}
    partly: set[tuple[str, str]] = set()
    for pod in stack.pods:
        try:
            account = pod.owner.home, pod.account.text() or "default"
        except (UnknownError, ShapeError):
            continue
        try:
            named = {item.name.text() or "" for item in references(pod, optional=True) if item.kind == "Secret"}
            used.setdefault(account, set()).update(named)
        except (UnknownError, ShapeError):
            partly.add(account)
    return {account: names for account, names in used.items() if account not in partly}
