"""Images with the layers of one that the platform's registry has, and a configuration of their own."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx

from moorage.platform.layout import Layout
from tests.support.stack import ROOT

REGISTRY = Layout.of(ROOT).registry
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class DerivedImages:
    """Images of a repository each, below one folder; ``base`` is the repository whose layers they have."""

    def __init__(self, folder: str, base: str) -> None:
        self.folder = folder
        self._base = base
        self._http = httpx.Client(base_url=f"http://{REGISTRY}/v2/", trust_env=False, timeout=30)
        tags = self._http.get(f"{base}/tags/list").raise_for_status().json()["tags"]
        answer = self._http.get(f"{base}/manifests/{tags[0]}", headers={"Accept": _MANIFEST}).raise_for_status()
        self._manifest: dict[str, Any] = answer.json()
        self._config = self._http.get(
            f"{base}/blobs/{self._manifest['config']['digest']}", follow_redirects=True
        ).json()

    def push(self, name: str, **config: Any) -> str:
        """Push an image with these fields of ``config``, under the tag 1, and return its digest."""
        repository = f"{self.folder}/{name}"
        for layer in self._manifest["layers"]:
            query = {"mount": layer["digest"], "from": self._base}
            self._http.post(f"{repository}/blobs/uploads/", params=query).raise_for_status()
        changed = self._config | {"config": {**self._config.get("config", {}), **config}}
        manifest = self._manifest | {"config": self._blob(repository, json.dumps(changed).encode())}
        content = json.dumps(manifest | {"mediaType": _MANIFEST}).encode()
        headers = {"Content-Type": _MANIFEST}
        self._http.put(f"{repository}/manifests/1", content=content, headers=headers).raise_for_status()
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def _blob(self, repository: str, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        started = self._http.post(f"{repository}/blobs/uploads/").raise_for_status().headers["Location"]
        self._http.put(httpx.URL(started).copy_merge_params({"digest": digest}), content=content).raise_for_status()
        return {**self._manifest["config"], "digest": digest, "size": len(content)}
