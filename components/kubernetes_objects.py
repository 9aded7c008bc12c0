"""Kubernetes objects as Pulumi resources, straight from their manifests, and the provider that applies them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes

from .manifests.rollout import WAIT_FOR, done_when, spec_digest

if TYPE_CHECKING:
    from moorage.config.project import Project

    from .manifests import Manifest

# The provider's throttle of 50 requests a second would make a large stack wait for its own client.
_QUERIES_PER_SECOND = 200
_BURST = 400


class KubernetesObject(pulumi.CustomResource):
    """One object of the cluster.

    The generated classes of `pulumi_kubernetes` would do the same, but importing those of the core API alone takes most
    of a second in every preview and update; the manifests are checked by the API server in any case.
    """

    metadata: pulumi.Output[dict[str, Any]]
    """The object's metadata, with the name that it got."""

    def __init__(
        self,
        name: str,
        manifest: Manifest,
        namespace: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the object of `manifest`; `namespace` is left out for those of the whole cluster."""
        api_version, kind = manifest["apiVersion"], manifest["kind"]
        properties = dict(manifest)
        if namespace is not None:
            properties["metadata"] = {**manifest["metadata"], "namespace": namespace}
        group = api_version if "/" in api_version else f"core/{api_version}"
        if kind == "Secret":
            hidden = pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
            opts = pulumi.ResourceOptions.merge(opts, hidden)
        super().__init__(f"kubernetes:{group}:{kind}", name, properties, opts)

    @property
    def object_name(self) -> pulumi.Output[str]:
        """The object's name in the cluster."""
        return self.metadata.apply(lambda metadata: str(metadata["name"]))

    def label(self, key: str) -> pulumi.Output[str]:
        """Return one of the object's labels as it is once the object is there."""
        return self.metadata.apply(lambda metadata: str(metadata["labels"][key]))


def awaited_rollout(manifest: Manifest) -> Manifest:
    """Return the manifest of a Deployment or StatefulSet so that it is ready once all of its pods are the new ones."""
    if manifest["spec"].get("replicas") == 0:
        return manifest
    digest = pulumi.Output.json_dumps(manifest["spec"]).apply(spec_digest)
    metadata = manifest["metadata"]
    annotations = {**metadata["annotations"], WAIT_FOR: digest.apply(done_when)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def cluster_provider(name: str, project: Project) -> pulumi_kubernetes.Provider:
    """Return the provider of the project's cluster: its context and no other, whatever the current one is."""
    kubeconfig = Path(project.target.kubeconfig)
    # Relative, from the project's folder, so that the state holds no path of one machine.
    inside = kubeconfig.is_relative_to(project.program)
    return pulumi_kubernetes.Provider(
        name,
        kubeconfig=str(kubeconfig.relative_to(project.program) if inside else kubeconfig),
        context=project.target.context,
        # Another path to the same cluster must not replace everything in it.
        cluster_identifier=project.target.context,
        enable_server_side_apply=True,
        kube_client_settings={"qps": _QUERIES_PER_SECOND, "burst": _BURST},
    )


def timeouts(minutes: int) -> pulumi.CustomTimeouts:
    """Return how long creating, changing and deleting an object may take before it counts as failed."""
    return pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m", delete=f"{minutes}m")
