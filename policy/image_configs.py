"""Reading an image's own configuration from the registry that holds it: user, ports, entrypoint, history.

Only images with a digest are read, so what was read once holds for ever, and only of repositories that the caller names.
Credentials are those of ``docker login``. Nothing here raises: what cannot be read is None, and is said to be unjudged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from moorage.base.errors import MoorageError
from moorage.base.image_reference import parse_image

if TYPE_CHECKING:
    from moorage.base.image_reference import ImageReference
    from moorage.base.registry import Registry

_SECONDS: Final = 3
"""For one answer: a registry that is slower is left alone for the rest of the run."""


@dataclass
class ConfigReader:
    """Reads each image once and gives up on a registry at its first failure."""

    configs: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)
    _client: Registry | None = None

    def read(self, reference: str) -> dict[str, Any] | None:
        """Return the configuration of ``repository@digest`` as the registry has it, with ``size``, bytes of its layers.

        None where there is no digest, or the registry does not answer, refuses, or answers something else.
        """
        if reference not in self.configs:
            image = parse_image(reference)
            self.configs[reference] = None if image.registry in self._silent else self._read(image)
        return self.configs[reference]

    def _read(self, image: ImageReference) -> dict[str, Any] | None:
        if image.digest is None:
            return None
        try:
            registry = self._registry()
            for manifest in registry.manifests(image):
                config = registry.document(image, manifest.data["config"]["digest"])
                if config.get("os", "linux") == "linux":
                    return config | {"size": manifest.packed_bytes}
        except (MoorageError, OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        self._silent.add(image.registry)
        return None

    def _registry(self) -> Registry:
        if self._client is None:
            from moorage.base.registry import Registry  # loaded where there is something to read

            self._client = Registry(seconds=_SECONDS)
        return self._client
