"""How a service is reached, and what it reaches."""

from __future__ import annotations

from moorage.config.fields import Hostname, Model  # pydantic reads annotations
from moorage.config.paths import RoutePath  # noqa: TC001  # pydantic reads annotations


class Route(Model):
    """Where the ingress sends requests from: a path prefix of the stack's host, or of a host of its own."""

    example = "{path: /api}"

    path: RoutePath = "/"
    """The longest matching prefix wins, by whole segments: ``/api`` takes ``/api/berths``, not ``/apis``."""
    host: Hostname | None = None
    """Default: the stack's ingress host."""
