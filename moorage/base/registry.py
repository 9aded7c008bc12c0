"""The one client of registries: manifests and blobs by the distribution protocol, each verified against its digest.

It uses the standard library's HTTP, which trusts the system's certificate authorities and loads in a tenth of the time
of a larger library: `moorage up` asks a registry at its end, the policy pack in the middle of every preview.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from moorage.base.errors import MoorageError
from moorage.base.image_reference import DOCKER_HUB, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

    from moorage.base.image_reference import ImageReference

SECONDS: Final = 60.0
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MOST_JSON_BYTES: Final = 4 * 1024 * 1024
"""Of a manifest or an image's config, which are read into memory."""
_IN_MEMORY_BYTES: Final = 32_000_000
_CHUNK_BYTES: Final = 1 << 16
_HUB_HOST: Final = "registry-1.docker.io"
_HUB_LOGIN: Final = "https://index.docker.io/v1/"
_UNAUTHORIZED, _NOT_FOUND = 401, 404


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of one image: its own digest and its parsed content."""

    reference: ImageReference
    digest: str
    data: dict[str, Any] = field(repr=False)

    @property
    def packed_bytes(self) -> int:
        """Size of all layers as the registry stores and sends them."""
        return sum(layer["size"] for layer in self.data["layers"])


class Registry:
    """A client of any registry; with the user's own Docker credentials where it asks for some."""

    def __init__(self, environment: Mapping[str, str] | None = None, *, seconds: float = SECONDS) -> None:
        """Use the credentials that ``DOCKER_CONFIG`` of the environment leads to; wait ``seconds`` for each answer."""
        self._environment = dict(os.environ if environment is None else environment)
        self._seconds = seconds
        self._tokens: dict[str, str] = {}

    def speaks(self, registry: str) -> int:
        """Return the status with which a registry answers its base address: 200, or 401 where it asks for a login.

        Raises `MoorageError` where nothing answers.
        """
        url = f"{_base(registry)}/v2/"
        try:
            with self._open(url, {}, local=is_loopback(registry)) as answer:
                return int(answer.status)
        except OSError as error:
            raise _silent(url, error) from None

    def manifests(self, reference: ImageReference) -> list[Manifest]:
        """Return the manifest of each platform that an image has; attestations are left out.

        Raises `MoorageError` where the registry does not answer or does not have it.
        """
        content = self._content(reference, f"manifests/{reference.version}")
        if reference.digest:
            _verify(reference, reference.digest, _digest(content))
        data = _json(content, reference)
        if "manifests" in data:
            entries = [entry for entry in data["manifests"] if entry.get("platform", {}).get("os") != "unknown"]
            return [self._manifest(reference, entry["digest"]) for entry in entries]
        return [Manifest(reference=reference, digest=_digest(content), data=data)]

    def digest(self, reference: ImageReference) -> str:
        """Return an image's digest, for several platforms their index's; raises `MoorageError` where there is none."""
        return _digest(self._content(reference, f"manifests/{reference.version}"))

    def blob(self, reference: ImageReference, digest: str) -> IO[bytes]:
        """Return a blob as an open temporary file at its beginning, which the caller closes.

        Raises `MoorageError` where it cannot be downloaded or does not match its digest.
        """
        file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # for the caller to close
        total = hashlib.sha256()
        for chunk in self._chunks(reference, f"blobs/{digest}"):
            total.update(chunk)
            file.write(chunk)
        _verify(reference, digest, f"sha256:{total.hexdigest()}")
        file.seek(0)
        return file

    def tail(self, reference: ImageReference, digest: str, count: int) -> bytes:
        """Return the last bytes of a blob, without the rest where the registry knows how.

        Raises `MoorageError` where it cannot be downloaded.
        """
        last = b""
        for chunk in self._chunks(reference, f"blobs/{digest}", {"Range": f"bytes=-{count}"}):
            last = (last + chunk)[-count:]
        return last

    def document(self, reference: ImageReference, digest: str) -> dict[str, Any]:
        """Return a small JSON blob, such as an image's config.

        Raises `MoorageError` where it cannot be downloaded or does not match its digest.
        """
        content = self._content(reference, f"blobs/{digest}")
        _verify(reference, digest, _digest(content))
        return _json(content, reference)

    def _manifest(self, reference: ImageReference, digest: str) -> Manifest:
        content = self._content(reference, f"manifests/{digest}")
        _verify(reference, digest, _digest(content))
        return Manifest(reference=reference, digest=digest, data=_json(content, reference))

    def _content(self, reference: ImageReference, path: str) -> bytes:
        content = b""
        for chunk in self._chunks(reference, path):
            content += chunk
            if len(content) > MOST_JSON_BYTES:
                raise _not_an_image(reference)
        return content

    def _chunks(self, reference: ImageReference, path: str, extra: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """Yield the content of an answer, asked for a second time with a token where the registry wants one."""
        url = f"{_base(reference.registry)}/v2/{reference.repository}/{path}"
        local = is_loopback(reference.registry)
        headers = {"Accept": ", ".join(MANIFEST_TYPES), **(extra or {})}
        try:
            answer = self._open(url, headers, local=local, token=self._tokens.get(reference.path, ""))
            if answer.status == _UNAUTHORIZED:
                with answer:
                    challenge = answer.headers.get("WWW-Authenticate", "")
                self._tokens[reference.path] = token = self._authorization(reference, challenge)
                answer = self._open(url, headers, local=local, token=token)
            with answer:
                _check(answer.status, reference, url)
                while chunk := answer.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise _silent(url, error) from None

    def _open(self, url: str, headers: Mapping[str, str], *, local: bool, token: str = "") -> HTTPResponse:
        """Return the answer to a request, whatever its status; raises OSError where there is none."""
        from http.client import HTTPException  # loaded where there is something to ask
        from urllib.error import HTTPError
        from urllib.request import ProxyHandler, Request, build_opener

        try:
            request = Request(url, headers=dict(headers))  # noqa: S310  # http or https, by the registry's address
            if token:
                # Not passed on when a registry sends its blobs' readers to a storage elsewhere.
                request.add_unredirected_header("Authorization", token)
            opener = build_opener(ProxyHandler({})) if local else build_opener()
            answer: HTTPResponse = opener.open(request, timeout=self._seconds)
        except HTTPError as error:
            return error  # type: ignore[return-value]  # it is an answer as well
        except (HTTPException, ValueError, OverflowError) as error:
            raise OSError(str(error) or type(error).__name__) from None
        return answer

    def _authorization(self, reference: ImageReference, challenge: str) -> str:
        """Return the header that a registry's challenge asks for; empty where there is nothing to answer it with."""
        from urllib.parse import urlencode
        from urllib.request import parse_http_list, parse_keqv_list

        basic = self._credentials(reference.registry)
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            return f"Basic {basic}" if basic else ""
        asked = parse_keqv_list([part for part in parse_http_list(rest) if "=" in part])
        realm = asked.get("realm", "")
        local = is_loopback(reference.registry)
        # A login is never sent without encryption, but to the registry that asked for it so.
        if not realm.startswith("https://") and not (local and realm.startswith("http://")):
            return ""
        query = {"scope": f"repository:{reference.repository}:pull"}
        query |= {key: asked[key] for key in ("service", "scope") if key in asked}
        token = f"Basic {basic}" if basic else ""
        with self._open(f"{realm}?{urlencode(query)}", {}, local=local, token=token) as answer:
            try:
                found = json.loads(answer.read(MOST_JSON_BYTES))
            except ValueError:
                return ""
        value = (found.get("token") or found.get("access_token")) if isinstance(found, dict) else None
        return f"Bearer {value}" if value else ""

    def _credentials(self, registry: str) -> str:
        """Return ``user:password`` in base64 for a registry, from Docker's config or its credential helper; else empty."""
        folder = self._environment.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        try:
            config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
            for name in (_HUB_LOGIN,) if registry == DOCKER_HUB else (registry, f"https://{registry}"):
                if auth := ((config.get("auths") or {}).get(name) or {}).get("auth"):
                    base64.b64decode(auth, validate=True)
                    return str(auth)
                helper = (config.get("credHelpers") or {}).get(name) or config.get("credsStore")
                if helper and (found := self._from_helper(helper, name)):
                    return found
        except (OSError, ValueError, AttributeError, TypeError):
            return ""
        return ""

    def _from_helper(self, helper: str, name: str) -> str:
        try:
            result = subprocess.run(
                [f"docker-credential-{helper}", "get"],
                input=name,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=self._seconds,
                check=True,
            )
            found = json.loads(result.stdout)
            return base64.b64encode(f"{found['Username']}:{found['Secret']}".encode()).decode()
        except (OSError, subprocess.SubprocessError, ValueError, KeyError):
            return ""


def _base(registry: str) -> str:
    host = _HUB_HOST if registry == DOCKER_HUB else registry
    return f"{'http' if is_loopback(registry) else 'https'}://{host}"


def _silent(url: str, error: OSError) -> MoorageError:
    reason = getattr(error, "reason", None) or error
    return MoorageError.of(
        "the registry does not answer",
        where=url,
        why=str(reason) or type(reason).__name__,
        remedy="check the reference and your network; `moorage platform status` shows the embedded registry",
    )


def _check(status: int, reference: ImageReference, url: str) -> None:
    if 200 <= status < 300:
        return
    missing = status == _NOT_FOUND
    raise MoorageError.of(
        "the registry does not have the image" if missing else "the registry refuses to give the image",
        where=str(reference),
        why=f"{url} answers {status}",
        remedy="check name, tag and digest" if missing else "log in with `docker login` where it asks for credentials",
    )


def _verify(reference: ImageReference, wanted: str, found: str) -> None:
    if wanted.startswith("sha256:") and wanted != found:
        raise MoorageError.of(
            "the registry sent something else than it was asked for",
            where=f"{reference.path}@{wanted}",
            why=f"its content has the digest {found}",
            remedy="the registry's storage or a proxy is damaged; push the image again",
        )


def _json(content: bytes, reference: ImageReference) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise _not_an_image(reference)
    return data


def _not_an_image(reference: ImageReference) -> MoorageError:
    return MoorageError.of(
        "the registry's answer is not an image",
        where=str(reference),
        why="its manifest is not that of an image",
        remedy="check the reference: charts and caches live in registries as well",
    )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
