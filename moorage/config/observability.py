"""``moorage:observability``: what a stack runs and makes so that people see how it is."""

from __future__ import annotations

from typing import Annotated

from moorage.config.fields import Model, Text

WATCHER = "watcher"
"""Name of the watcher's objects."""
PYTHON_IMAGE = "python"
"""Folder below ``images/`` of what the watcher runs in, unless another image is named."""

ImageByDigest = Annotated[
    str,
    Text(
        pattern=r"[a-z0-9][^\s@]*@sha256:[0-9a-f]{64}",
        rule="an image is named by its digest: registry/name@sha256:…",
        example=f"ghcr.io/acme/python@sha256:{'0' * 64}",
    ),
]


class Observability(Model):
    """How a stack tells of itself."""

    example = "{watcher: true}"

    watcher: bool = False
    """Run the watcher: one pod that reads the namespace's events, pods and rollouts, and logs a line for each failed
    health check, restart, limit and deployment step."""
    watcher_image: ImageByDigest | None = None
    """An image with Python 3.11 or newer as its entrypoint. Default: the stack's own base image ``python``."""

    @property
    def needs_python(self) -> bool:
        """Whether the stack's base image ``python`` is run as it is."""
        return self.watcher and self.watcher_image is None
