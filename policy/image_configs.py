"""Reading an image's own configuration from the registry that holds it: user, ports, entrypoint, history.

Only images with a digest are read, so what was read once holds for ever, and only of repositories that the caller names.
Credentials are those of ``docker login``. Nothing here raises: what cannot be read is None, and is said to be unjudged.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from policy.image_reference import DEFAULT_REGISTRY, parse_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy.image_reference import ImageReference

_INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_ACCEPT: Final = ", ".join((*_MANIFESTS, *_INDEXES))
_SECONDS: Final = 3
"""For one answer: a registry that is slower is left alone for the rest of the run."""
_MOST_BYTES: Final = 4 * 1024 * 1024
_LOOPBACK: Final = ("127.", "localhost", "[::1]")
_HUB: Final = {DEFAULT_REGISTRY: "registry-1.docker.io"}
_HUB_LOGIN: Final = "https://index.docker.io/v1/"


@dataclass
class ConfigReader:
    """Reads each image once and gives up on a registry at its first failure."""

    configs: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)

    def read(self, reference: str) -> dict[str, Any] | None:
        """Return the configuration of ``repository@digest`` as the registry has it, with ``size``, bytes of its layers.

        None where there is no digest, or the registry does not answer, refuses, or answers something else.
        """
        if reference not in self.configs:
            image = parse_image(reference)
            self.configs[reference] = None if image.registry in self._silent else self._read(image)
        return self.configs[reference]

    def _read(self, image: ImageReference) -> dict[str, Any] | None:
        from http.client import HTTPException  # loaded where there is something to read

        if image.digest is None:
            return None
        try:
            repository = _Repository(image)
            manifest = repository.json(f"manifests/{image.digest}", _ACCEPT)
            if manifest.get("mediaType") in _INDEXES or "manifests" in manifest:
                manifest = repository.json(f"manifests/{_linux(manifest)}", _ACCEPT)
            config = repository.json(f"blobs/{manifest['config']['digest']}", "*/*")
            return config | {"size": sum(layer["size"] for layer in manifest["layers"])}
        except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError, StopIteration):
            self._silent.add(image.registry)
            return None


class _Repository:
    """One repository of a registry; answers are limited in time and size."""

    def __init__(self, image: ImageReference) -> None:
        scheme = "http" if image.registry.startswith(_LOOPBACK) else "https"
        self._base = f"{scheme}://{_HUB.get(image.registry, image.registry)}/v2/{image.repository}/"
        self._login = _login(image.registry)
        self._authorization = self._login and f"Basic {self._login}"

    def json(self, path: str, accept: str) -> dict[str, Any]:
        """Return a JSON object; raises OSError or ValueError."""
        from urllib.error import HTTPError

        try:
            found = self._get(self._base + path, accept)
        except HTTPError as error:
            challenge = error.headers.get("WWW-Authenticate", "")
            if error.code != 401 or not challenge.lower().startswith("bearer "):
                raise
            self._authorization = f"Bearer {self._token(challenge)}"
            found = self._get(self._base + path, accept)
        if not isinstance(found, dict):
            raise ValueError("no object")  # noqa: TRY004  # of the answer's content
        return found

    def _token(self, challenge: str) -> str:
        from urllib.parse import urlencode
        from urllib.request import parse_http_list, parse_keqv_list

        asked = parse_keqv_list(parse_http_list(challenge[len("bearer ") :]))
        if not asked["realm"].startswith("https://") and not self._base.startswith("http://"):
            raise ValueError("the registry sends its login elsewhere without encryption")
        self._authorization = self._login and f"Basic {self._login}"
        query = urlencode([(key, asked[key]) for key in ("service", "scope") if key in asked])
        answer = self._get(f"{asked['realm']}?{query}", "application/json")
        return str(answer.get("token") or answer["access_token"])

    def _get(self, url: str, accept: str) -> Any:
        from urllib.request import Request, urlopen

        request = Request(url, headers={"Accept": accept})  # noqa: S310  # http or https, by the registry's address
        if self._authorization:
            # Not passed on when a registry sends its blobs' readers to a storage elsewhere.
            request.add_unredirected_header("Authorization", self._authorization)
        with urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
            return json.loads(response.read(_MOST_BYTES))


def _linux(index: Mapping[str, Any]) -> str:
    """Return the digest of the first image in an index that is for Linux; attestations are for no system."""
    return str(next(item["digest"] for item in index["manifests"] if item.get("platform", {}).get("os") == "linux"))


def _login(registry: str) -> str | None:
    """Return what ``docker login`` has kept for a registry, in the form of Basic authorization, None for nothing."""
    folder = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
    try:
        logins = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))["auths"]
        entry = logins.get(_HUB_LOGIN if registry == DEFAULT_REGISTRY else registry) or {}
        if "auth" in entry:
            base64.b64decode(entry["auth"], validate=True)
            return str(entry["auth"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return None
