"""A search for secret values in all that an image consists of: layers, also what a later one hides, config, history."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import urllib.parse
import zipfile
import zlib
from typing import TYPE_CHECKING

from moorage.scan.finding import ImageFinding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moorage.scan.finding import Expectation
    from moorage.scan.image import Image

SHORTEST = 6
"""Bytes of a value below which chance would find it everywhere."""
DEPTH = 3
"""How many archives inside each other are opened."""
_LARGEST_BYTES = 256_000_000
_GZIP, _ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"
_BASE64_OVERLAP = 3
_VARIABLE = re.compile(r"([A-Z0-9_]*(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS))=(.+)")
_PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64,}-----END")
_CREDENTIAL_FILES = re.compile(
    r".*/(\.env(\.[a-z]+)?|\.netrc|_netrc|\.pypirc|\.git-credentials|\.pgpass|id_(rsa|dsa|ecdsa|ed25519)|\.docker/config\.json|"
    r"\.aws/credentials|\.kube/config)"
)
_TOKEN_LINE = re.compile(rb"(?m)^\s*(//\S+:)?_(authToken|auth|password)\s*=\s*[^\s$]")


def needles(secrets: Mapping[str, bytes]) -> list[tuple[str, str, bytes]]:
    """Return each form in which a value would give itself away: its name, the form's name, the bytes to look for.

    Values of fewer than `SHORTEST` bytes are left out.
    """
    found: list[tuple[str, str, bytes]] = []
    for name, given in secrets.items():
        value = given.strip()
        if len(value) < SHORTEST:
            continue
        found.append((name, "as it is", value))
        text = value.decode("utf-8", errors="surrogateescape")
        forms = {"escaped for a URL": urllib.parse.quote(value, safe="").encode()}
        forms["escaped for JSON"] = json.dumps(text)[1:-1].encode("utf-8", errors="surrogateescape")
        forms["in hexadecimal"] = value.hex().encode()
        found.extend((name, form, needle) for form, needle in forms.items() if needle != value)
        found.extend((name, "in base64", needle) for needle in _base64(value))
    return found


def _base64(value: bytes) -> Iterator[bytes]:
    """Yield what all base64 texts that contain the value have in common, for each place it may begin at in a group."""
    for before in range(_BASE64_OVERLAP):
        padded = b"\0" * before + value
        encoded = base64.b64encode(padded).rstrip(b"=")
        # Of the first and last characters some bits belong to the neighbours.
        first = (before * 8 + 5) // 6
        core = encoded[first : len(padded) * 8 // 6]
        if len(core) >= SHORTEST:
            yield core
            other = core.replace(b"+", b"-").replace(b"/", b"_")
            if other != core:
                yield other


class Scanner:
    """Looks for the same values in many places."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        """Prepare all forms of the values."""
        self._needles = needles(secrets)
        # With these gone, text that was wrapped at some width is one again.
        self._unwrapped = [needle for needle in self._needles if b"\n" not in needle[2]]

    def scan(self, content: bytes, depth: int = DEPTH) -> Iterator[tuple[str, str]]:
        """Yield name and form of each value in the content, archives in it opened."""
        if not self._needles:
            return
        for name, form, needle in self._needles:
            if needle in content:
                yield name, form
        if b"\n" in content and b"\0" not in content[:1024]:
            joined = content.replace(b"\r", b"").replace(b"\n", b"")
            for name, form, needle in self._unwrapped:
                if needle in joined and needle not in content:
                    yield name, f"{form}, wrapped"
        if depth:
            for kind, inner in _inside(content):
                yield from ((name, f"{form}, inside {kind}") for name, form in self.scan(inner, depth - 1))


def _inside(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what an archive holds; one that is damaged or too large holds nothing."""
    try:
        if content.startswith(_GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                yield "gzip", file.read(_LARGEST_BYTES)
        elif content.startswith(_ZIP):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for info in archive.infolist():
                    if info.file_size <= _LARGEST_BYTES:
                        yield "zip", archive.read(info)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return


def check_secrets(image: Image, expectation: Expectation) -> Iterator[ImageFinding]:
    """Yield each given value that is anywhere in the image, and what looks like a credential by itself.

    A finding names the secret and never shows its value.
    """
    scanner = Scanner(expectation.secrets)
    config = json.dumps(image.config, ensure_ascii=False).encode("utf-8", errors="surrogateescape")
    for name, form in dict(scanner.scan(config)).items():
        yield ImageFinding(rule="no-secrets", why=f"the secret {name} is in its config or history, {form}")
    yield from _variables(image)
    for index, layer in enumerate(image.layers):
        for entry in layer.entries(index):
            place = f"layer {index + 1} of {len(image.layers)}"
            names = f"{entry.path} {entry.target}".encode("utf-8", errors="surrogateescape")
            content = layer.read(entry.position) if entry.is_file else b""
            found = dict([*scanner.scan(names, 0), *scanner.scan(content)])
            for name, form in found.items():
                yield ImageFinding(
                    rule="no-secrets", path=entry.path, why=f"the secret {name} is in it ({place}), {form}"
                )
            if entry.is_file and entry.size and _looks_like_credential(entry.path, content):
                yield ImageFinding(
                    rule="no-credential-files", path=entry.path, why=f"it looks like a credential ({place})"
                )


def _variables(image: Image) -> Iterator[ImageFinding]:
    for variable in image.settings.get("Env") or []:
        match = _VARIABLE.fullmatch(variable)
        if match and not match[1].endswith("_FILE"):
            yield ImageFinding(rule="no-secrets", why=f"ENV {match[1]} sets a variable that is named like a secret")


def _looks_like_credential(path: str, content: bytes) -> bool:
    if _CREDENTIAL_FILES.fullmatch(path):
        return True
    if path.endswith(("/.npmrc", "/pip.conf")):
        return _TOKEN_LINE.search(content) is not None
    return b"PRIVATE KEY-----" in content and _PRIVATE_KEY.search(content) is not None
