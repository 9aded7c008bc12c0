"""What a rule of a Role grants, as the API server reads it, and as whoever wrote it may have meant it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .objects import Object
    from .tree import Node

READING: Final = frozenset({"get", "list", "watch"})
WRITING: Final = frozenset({"create", "update", "patch"})
DELETING: Final = frozenset({"delete", "deletecollection"})
WORKLOADS: Final = (
    *(("", resource) for resource in ("pods", "replicationcontrollers")),
    *(("apps", resource) for resource in ("deployments", "statefulsets", "daemonsets", "replicasets")),
    *(("extensions", resource) for resource in ("deployments", "daemonsets", "replicasets")),
    *(("batch", resource) for resource in ("jobs", "cronjobs")),
)
"""Group and resource of everything of Kubernetes' own that makes pods."""


def texts(node: Node) -> set[str]:
    """Return the strings of a list; raises UnknownError where one is not known."""
    return {item.text() or "" for item in node.elements()}


def rules_of(role: Object) -> tuple[Node, ...]:
    """Return the rules of a role.

    Those of an aggregated ClusterRole are the controller's, and rights all the same.
    """
    return role.root["rules"].elements()


def grants(rule: Node, resources: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a rule reaches one of these resources, given as group and ``resource`` or ``resource/subresource``.

    ``pods/*`` means nothing to the API server, but what it is meant to mean is plain. A rule without groups, which the
    API server refuses, is taken for one of any group. Raises UnknownError.
    """
    named, groups = texts(rule["resources"]), texts(rule["apiGroups"])
    return any(
        (not groups or any(fits(entry, group) for entry in groups))
        and any(_reaches(entry, resource) for entry in named)
        for group, resource in resources
    )


def allows(rule: Node, verbs: Iterable[str]) -> bool:
    """Tell whether a rule gives one of these verbs, by a wildcard as well; raises UnknownError."""
    given = texts(rule["verbs"])
    return any(fits(entry, verb) for entry in given for verb in verbs)


def fits(entry: str, name: str) -> bool:
    """Tell whether an entry is a name, or a pattern with ``*`` that the name fits."""
    if "*" not in entry:
        return entry == name
    start, _, end = entry.partition("*")
    return name.startswith(start) and name.endswith(end.rpartition("*")[2]) and len(name) >= len(start) + len(end)


def _reaches(entry: str, resource: str) -> bool:
    if entry == "*":
        return True
    name, _, sub = entry.partition("/")
    wanted, _, wanted_sub = resource.partition("/")
    if not fits(name, wanted):
        return False
    return sub == wanted_sub or ("*" in sub and (not wanted_sub or fits(sub, wanted_sub)))
