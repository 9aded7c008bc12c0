"""A reader of registries: manifests and blobs by the distribution protocol, each verified against its digest."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import httpx

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECONDS = 60.0
MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_IN_MEMORY_BYTES = 32_000_000
_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]+){3})(:[0-9]+)?")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_REFERENCE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._:/-]*?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DOCKER_HUB = "registry-1.docker.io"
_UNAUTHORIZED = 401
_NOT_FOUND = 404


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An image's name, taken apart: ``ghcr.io/acme/backend:v1`` or ``…@sha256:…``."""

    host: str
    repository: str
    tag: str = "latest"
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return the parts of a reference as Docker understands it.

        Raises `MoorageError` where it is none.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise MoorageError.of(
                f"{text!r} is no image reference",
                why="a reference is host, path and name, then a tag or a digest",
                remedy="write for example ghcr.io/acme/backend:v1 or ghcr.io/acme/backend@sha256:…",
            )
        first, slash, rest = match["name"].partition("/")
        named = slash and ("." in first or ":" in first or first == "localhost")
        host, repository = (first, rest) if named else (_DOCKER_HUB, match["name"])
        if host == _DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(host=host, repository=repository, tag=match["tag"] or "latest", digest=match["digest"] or "")

    def __str__(self) -> str:
        """Return the reference in full."""
        return f"{self.host}/{self.repository}" + (f"@{self.digest}" if self.digest else f":{self.tag}")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of one image: its own digest and its parsed content."""

    reference: Reference
    digest: str
    data: dict[str, Any] = field(repr=False)

    @property
    def packed_bytes(self) -> int:
        """Size of all layers as the registry stores and sends them."""
        return sum(layer["size"] for layer in self.data["layers"])


class Registry:
    """A client of any registry; with the user's own Docker credentials where it asks for some."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Use the credentials that ``DOCKER_CONFIG`` of the environment leads to."""
        self._environment = dict(os.environ if environment is None else environment)
        self._tokens: dict[tuple[str, str], str] = {}

    def manifests(self, reference: Reference) -> list[Manifest]:
        """Return the manifest of each platform that an image has; attestations are left out.

        Raises `MoorageError` where the registry does not answer or does not have it.
        """
        content = self._content(reference, "manifests", reference.digest or reference.tag)
        data = _json(content, reference)
        if "manifests" in data:
            entries = [entry for entry in data["manifests"] if entry.get("platform", {}).get("os") != "unknown"]
            return [self._manifest(reference, entry["digest"]) for entry in entries]
        return [Manifest(reference=reference, digest=_digest(content), data=data)]

    def blob(self, reference: Reference, digest: str) -> IO[bytes]:
        """Return a blob as an open temporary file at its beginning, which the caller closes.

        Raises `MoorageError` where it cannot be had or is not what its digest says.
        """
        file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # for the caller to close
        total = hashlib.sha256()
        with self._answer(reference, "blobs", digest) as answer:
            for chunk in answer.iter_raw():
                total.update(chunk)
                file.write(chunk)
        if f"sha256:{total.hexdigest()}" != digest:
            raise MoorageError.of(
                "the registry sent something else than it was asked for",
                where=f"{reference.host}/{reference.repository}@{digest}",
                why=f"its content has the digest sha256:{total.hexdigest()}",
                remedy="the registry's storage or a proxy is damaged; push the image again",
            )
        file.seek(0)
        return file

    def tail(self, reference: Reference, digest: str, count: int) -> bytes:
        """Return the last bytes of a blob, without the rest where the registry knows how.

        Raises `MoorageError` where it cannot be had.
        """
        with self._answer(reference, "blobs", digest, {"Range": f"bytes=-{count}"}) as answer:
            last = b""
            for chunk in answer.iter_raw():
                last = (last + chunk)[-count:]
            return last

    def document(self, reference: Reference, digest: str) -> dict[str, Any]:
        """Return a small JSON blob, such as an image's config."""
        with self.blob(reference, digest) as file:
            return _json(file.read(), reference)

    def _manifest(self, reference: Reference, digest: str) -> Manifest:
        content = self._content(reference, "manifests", digest)
        return Manifest(reference=reference, digest=digest, data=_json(content, reference))

    def _content(self, reference: Reference, kind: str, name: str) -> bytes:
        with self._answer(reference, kind, name) as answer:
            return answer.read()

    @contextlib.contextmanager
    def _answer(
        self, reference: Reference, kind: str, name: str, extra: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """Yield the successful answer to a request, asked for a second time with a token where the registry wants one."""
        local = _LOOPBACK.fullmatch(reference.host) is not None
        url = f"{'http' if local else 'https'}://{reference.host}/v2/{reference.repository}/{kind}/{name}"
        key = (reference.host, reference.repository)
        try:
            with httpx.Client(trust_env=not local, timeout=SECONDS, follow_redirects=True) as client:
                for attempt in range(2):
                    headers = {"Accept": ", ".join(MANIFEST_TYPES), **(extra or {})}
                    if token := self._tokens.get(key):
                        headers["Authorization"] = token
                    with client.stream("GET", url, headers=headers) as answer:
                        if answer.status_code == _UNAUTHORIZED and attempt == 0:
                            challenge = answer.headers.get("www-authenticate", "")
                            self._tokens[key] = self._authorization(client, reference, challenge)
                            continue
                        _check(answer, reference, url)
                        yield answer
                        return
        except httpx.HTTPError as error:
            raise MoorageError.of(
                "the registry does not answer",
                where=url,
                why=str(error) or type(error).__name__,
                remedy="check the reference and your network; `moorage platform status` shows the embedded registry",
            ) from None

    def _authorization(self, client: httpx.Client, reference: Reference, challenge: str) -> str:
        """Return the header that a registry's challenge asks for."""
        basic = self._credentials(reference.host)
        if challenge.lower().startswith("basic"):
            return f"Basic {basic}" if basic else ""
        asked = dict(_CHALLENGE.findall(challenge))
        if "realm" not in asked:
            return ""
        scope = asked.get("scope", f"repository:{reference.repository}:pull")
        headers = {"Authorization": f"Basic {basic}"} if basic else {}
        answer = client.get(
            asked["realm"], params={"service": asked.get("service", ""), "scope": scope}, headers=headers
        )
        found = answer.json() if answer.status_code == httpx.codes.OK else {}
        token = found.get("token") or found.get("access_token")
        return f"Bearer {token}" if token else ""

    def _credentials(self, host: str) -> str:
        """Return ``user:password`` in base64 for a host, from Docker's config or its credential helper; else empty."""
        folder = self._environment.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        try:
            config = json.loads((Path(folder) / "config.json").read_text())
        except (OSError, ValueError):
            return ""
        names = [host, f"https://{host}", *(["https://index.docker.io/v1/"] if host == _DOCKER_HUB else [])]
        for name in names:
            if auth := config.get("auths", {}).get(name, {}).get("auth"):
                return str(auth)
            helper = config.get("credHelpers", {}).get(name) or config.get("credsStore")
            if helper and (found := _from_helper(helper, name, self._environment)):
                return found
        return ""


def _from_helper(helper: str, name: str, environment: Mapping[str, str]) -> str:
    try:
        result = subprocess.run(
            [f"docker-credential-{helper}", "get"],
            input=name,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        found = json.loads(result.stdout)
        return base64.b64encode(f"{found['Username']}:{found['Secret']}".encode()).decode()
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return ""


def _check(answer: httpx.Response, reference: Reference, url: str) -> None:
    if answer.is_success:
        return
    missing = answer.status_code == _NOT_FOUND
    raise MoorageError.of(
        "the registry does not have the image" if missing else "the registry refuses to give the image",
        where=str(reference),
        why=f"{url} answers {answer.status_code}",
        remedy="check name, tag and digest" if missing else "log in with `docker login` where it asks for credentials",
    )


def _json(content: bytes, reference: Reference) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise _not_an_image(reference)
    return data


def _not_an_image(reference: Reference) -> MoorageError:
    return MoorageError.of(
        "the registry's answer is no image",
        where=str(reference),
        why="its manifest is not that of an image",
        remedy="check the reference: charts and caches live in registries as well",
    )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
