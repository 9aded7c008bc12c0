"""``service.yaml``: one service. Its keys are in `servicekeys`, what must hold between them in `servicerules`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moorage.config.imagebuild import BaseImage, Budget, Build, ImageBuild, env_prefix, image_build_arg
from moorage.config.names import DATA_SERVICES, POSTGRES, REDIS, SECRETS_FOLDER, needed_env
from moorage.config.pod import Amounts, Develop, Exec, HttpGet, Probe, Resources, TcpSocket
from moorage.config.reach import Route
from moorage.config.scaling import Scaling
from moorage.config.servicekeys import ServiceKeys
from moorage.config.servicerules import service_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moorage.base.errors import Problem

__all__ = [
    "DATA_SERVICES",
    "POSTGRES",
    "REDIS",
    "SECRETS_FOLDER",
    "Amounts",
    "BaseImage",
    "Budget",
    "Build",
    "Develop",
    "Exec",
    "HttpGet",
    "ImageBuild",
    "Probe",
    "Resources",
    "Route",
    "Scaling",
    "Service",
    "TcpSocket",
    "env_prefix",
    "image_build_arg",
    "needed_env",
]

_EXAMPLE_OF_A_WORKER = "{exec: {command: [check]}}"


class Service(ServiceKeys):
    """One service: its image, its pods and what they may reach."""

    @classmethod
    def example_for(cls, key: str, given: Mapping[str, Any]) -> str | None:
        """Return a worker's probe, as it has no port; of the name nothing, as it is the folder's."""
        if key.endswith("Probe") and given.get("kind") == "worker":
            return _EXAMPLE_OF_A_WORKER
        return "" if key == "name" else None

    def problems(self) -> Iterator[Problem]:
        """Yield every rule between this service's own fields that does not hold."""
        yield from service_problems(self)
