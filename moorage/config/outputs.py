"""What a stack leaves in Pulumi's state, by name: written by the components, read by whoever reads the state."""

from __future__ import annotations

from typing import Final

URL: Final = "url"
"""Stack output: where the stack is reached."""
NAMESPACE: Final = "namespace"
"""Stack output: the namespace of its objects."""
IMAGES: Final = "images"
"""Stack output: ``repository@digest`` of each service."""
INPUTS: Final = "inputs"
"""Stack output: short input digest of each image, by its folder. Output of `SERVICE_IMAGE`: the record of its inputs."""
SERVICES: Final = "services"
"""Stack output: what runs of each service, in plain values."""
DEPLOYMENT: Final = "deployment"
"""In `SERVICES`: the Deployment of a blue-green service, whose name is made anew with each rollout."""
RELEASES: Final = "releases"
"""Stack output, secret: the stack's releases, packed."""

IMAGE: Final = "image"
"""Output of `SERVICE_IMAGE`: its ``repository@digest``."""
NAME: Final = "name"
"""Output of `SERVICE`: the name of its Deployment."""
HOST: Final = "host"
"""Output of a data store: the name by which it is reached."""
PORT: Final = "port"
"""Output of a data store: where it listens."""
SETTINGS: Final = "settings"
"""Output of each of `WORKLOADS`: the record of its settings, once they are live."""

COMPONENT_PREFIX: Final = "moorage:"
"""How the type of each component begins."""
SERVICE_IMAGE: Final = "moorage:image:ServiceImage"
SERVICE: Final = "moorage:service:Service"
SERVICE_ROLES: Final = (
    "account",
    "config",
    "secret",
    "deployment",
    "service",
    "budget",
    "autoscaler",
    "verifyservice",
    "verifyjob",
)
"""Of the objects of a `SERVICE`: each is called by the service's name, a hyphen and its role."""
POSTGRES_DATABASE: Final = "moorage:postgres:PostgresDatabase"
REDIS_CACHE: Final = "moorage:redis:RedisCache"
INGRESS: Final = "moorage:ingress:Ingress"
WATCHER: Final = "moorage:watcher:Watcher"
NETWORK: Final = "moorage:network:Network"
VERIFY_SUFFIX: Final = "-verify"
"""After the name of a service stands for what checks its new pods before a blue-green switch."""
WORKLOADS: Final = (SERVICE, POSTGRES_DATABASE, REDIS_CACHE)
"""Types of the components that run pods."""
