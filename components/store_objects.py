"""What PostgresDatabase and RedisCache have in common: the objects around a data store's StatefulSet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from .kubernetes_objects import KubernetesObject, awaited_rollout, timeouts
from .manifests.services import secret, service, service_account
from .manifests.stateful import stateful_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .labels import Labels
    from .manifests.stateful import StorePlan
    from .scope import Scope

_START_MINUTES = 7
"""Longer than the startup probe's patience with the recovery after a crash."""


def store_secret(
    name: str, labels: Labels, scope: Scope, *, key: str, password: pulumi.Output[str], parent: pulumi.Resource
) -> KubernetesObject:
    """Return the Secret that holds a store's password as file `key`."""
    opts = pulumi.ResourceOptions(parent=parent)
    return KubernetesObject(f"{name}-secret", secret(labels, {key: password}), scope.namespace, opts)


def store_objects(
    name: str,
    labels: Labels,
    scope: Scope,
    *,
    plan: StorePlan,
    start_after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> KubernetesObject:
    """Create a store's ServiceAccount, its headless and client Services and its StatefulSet, and return the last."""
    beside = pulumi.ResourceOptions(parent=parent)
    account = KubernetesObject(f"{name}-account", service_account(labels, token=False), scope.namespace, beside)
    headless = service(labels, port=plan.port, port_name=plan.port_name, headless=True)
    governing = KubernetesObject(f"{name}-headless", headless, scope.namespace, beside)
    client = service(labels, port=plan.port, port_name=plan.port_name)
    KubernetesObject(f"{name}-service", client, scope.namespace, beside)
    opts = pulumi.ResourceOptions(
        parent=parent,
        depends_on=[account, governing, *start_after],
        protect=scope.protect,
        # Another size or class would replace the StatefulSet; volumes are grown by changing the claim instead.
        ignore_changes=["spec.volumeClaimTemplates"],
        custom_timeouts=timeouts(_START_MINUTES),
    )
    manifest = awaited_rollout(stateful_set(labels, plan))
    return KubernetesObject(f"{name}-statefulset", manifest, scope.namespace, opts)
