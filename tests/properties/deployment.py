"""A Pulumi stack of generated services: the components that a real stack is made of, and the real engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pulumi
import pytest
from pulumi import automation

from moorage.build.digests import EPOCH
from moorage.components.kubernetes_objects import KubernetesObject, cluster_provider
from moorage.components.labels import Role
from moorage.components.manifests.routing import namespace
from moorage.components.scope import Scope
from moorage.components.service import Service, ServiceArgs
from moorage.components.service_image import ServiceImage, ServiceImageArgs
from moorage.config.loader import load_project
from moorage.config.service import image_build_arg
from tests.properties.workloads import VARIANTS
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from moorage.components.endpoints import Endpoint
    from moorage.config.project import Project
    from tests.properties.layout import Placed

APPLICATION = "property"
NAMESPACE = "property-services"
BASES = {"rootfs-build": "images/rootfs-build/Dockerfile", "python": "images/python/Dockerfile"}
"""Each is built FROM those before it."""
SERVER = "tests/properties/server/Dockerfile"
"""What every service runs."""
AT_ONCE = 200
"""Services wait most of the time, so many may do so together."""


@dataclass(kw_only=True)
class Deployment:
    """One stack, its state in a folder of its own."""

    folder: Path
    environment: Mapping[str, str]
    """That of ``moorage env``."""
    images: Sequence[str] = field(default=(), init=False)
    """The variants of the test server's image that the last update built, each with its digest."""
    _placed: Sequence[Placed] = field(default=(), init=False)
    _tag: str = field(default="test", init=False)

    def up(self, placed: Sequence[Placed], *, tag: str = "test") -> str:
        """Deploy the services, which follow what they need; return what Pulumi says where it fails.

        Another ``tag`` has all images built anew, to the same digests.
        """
        self._placed, self._tag = placed, tag
        own = {
            "PULUMI_BACKEND_URL": f"file://{self.folder}",
            "PULUMI_CONFIG_PASSPHRASE": "of no use to anyone",
            # The whole state written after each of a thousand steps would take most of the time.
            "PULUMI_EXPERIMENTAL": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
        }
        variables = {
            name: self.environment[name] for name in ("PULUMI_HOME", "DOCKER_CONFIG", "KUBECONFIG", "NO_PROXY")
        }
        options = automation.LocalWorkspaceOptions(work_dir=str(self.folder), env_vars={**variables, **own})
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", self.environment["PATH"])
            patch.delenv("PULUMI_OPTION_POLICY_PACK", raising=False)
            stack = automation.create_or_select_stack("batch", APPLICATION, program=self._program, opts=options)
            try:
                outputs = stack.up(parallel=AT_ONCE, continue_on_error=True).outputs
            except automation.CommandError as error:
                return str(error)
        self.images = outputs["images"].value
        return ""

    def _program(self) -> None:
        # Not below the project's root, so that the provider finds the kubeconfig from this folder as well.
        project = replace(load_project(ROOT, "dev"), root=self.folder, program=self.folder)
        images = self._images(project)
        pulumi.export("images", images)
        options = pulumi.ResourceOptions(provider=cluster_provider("cluster", project))
        scope = Scope(application=APPLICATION, stack="dev", namespace=NAMESPACE, development=True, protect=False)
        manifest = namespace(NAMESPACE, scope.labels(APPLICATION, Role.STACK))
        scope = replace(scope, namespace=KubernetesObject("namespace", manifest, opts=options).object_name)
        endpoints: dict[str, Endpoint] = {}
        for placed in self._placed:
            service = placed.service
            args = ServiceArgs(
                scope=scope,
                service=service,
                image=images[placed.image],
                needs={need: endpoints[need] for need in service.needs},
                secrets={name: pulumi.Output.secret(value) for name, value in placed.secrets.items()},
            )
            endpoints[service.name] = Service(service.name, args, options).endpoint

    def _images(self, project: Project) -> list[pulumi.Output[str]]:
        bases: dict[str, pulumi.Input[str]] = {}
        for name, dockerfile in BASES.items():
            bases[image_build_arg(name)] = self._image(project, name, dockerfile, bases)
        variants = [{**bases, "VARIANT": str(number)} for number in range(VARIANTS)]
        return [self._image(project, f"server-{args['VARIANT']}", SERVER, args) for args in variants]

    def _image(
        self, project: Project, name: str, dockerfile: str, build_args: Mapping[str, pulumi.Input[str]]
    ) -> pulumi.Output[str]:
        args = ServiceImageArgs(
            repository=f"{project.target.registry}/{APPLICATION}/{name}",
            tags=(self._tag,),
            epoch=EPOCH,
            context=str(ROOT),
            dockerfile=str(ROOT / dockerfile),
            builder=project.target.builder,
            build_args=dict(build_args),
        )
        return ServiceImage(name, args).image
