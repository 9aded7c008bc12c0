"""The packages that an image consists of, from the records that package managers leave: Debian's, Python's and npm's."""

from __future__ import annotations

import email
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.scan.image import Image

_DEBIAN = re.compile(r"/var/lib/dpkg/status\.d/(?!.*\.md5sums)[^/]+|/var/lib/dpkg/status")
_PYTHON = re.compile(r"/.*\.dist-info/METADATA|/.*\.egg-info/PKG-INFO")
_NPM = re.compile(r"/.*/node_modules/(@[^/]+/)?[^/]+/package\.json")


@dataclass(frozen=True, kw_only=True, order=True)
class Package:
    """One package; ``kind`` is the type of its package URL: ``deb``, ``pypi``, ``npm``."""

    kind: str
    name: str
    version: str
    license: str = ""
    source: str = ""
    """Of Debian: the source package, by which vulnerabilities are listed."""
    architecture: str = ""
    path: str = ""
    """The record in the image, or the lock file beside its Dockerfile for what was bundled without leaving one."""


def packages(image: Image) -> list[Package]:
    """Return the packages of an image, sorted, each once."""
    found: set[Package] = set()
    for entry in image.files.values():
        if not entry.is_file:
            continue
        for pattern, read in ((_DEBIAN, _debian), (_PYTHON, _python), (_NPM, _npm)):
            if pattern.fullmatch(entry.path):
                found.update(read(image.read(entry).decode(errors="replace"), entry.path))
    return sorted(found)


def _debian(text: str, path: str) -> Iterator[Package]:
    for paragraph in re.split(r"\n\s*\n", text):
        fields = email.message_from_string(paragraph.strip("\n") + "\n")
        if fields["Package"] and fields["Version"]:
            yield Package(
                kind="deb",
                name=fields["Package"],
                version=fields["Version"],
                source=(fields["Source"] or fields["Package"]).split()[0],
                architecture=fields["Architecture"] or "",
                path=path,
            )


def _python(text: str, path: str) -> Iterator[Package]:
    fields = email.message_from_string(text)
    if fields["Name"] and fields["Version"]:
        given = fields["License-Expression"] or fields["License"] or ""
        yield Package(
            kind="pypi",
            name=re.sub(r"[-_.]+", "-", fields["Name"]).lower(),
            version=fields["Version"],
            license=given if "\n" not in given else "",
            path=path,
        )


def _npm(text: str, path: str) -> Iterator[Package]:
    try:
        found = json.loads(text)
    except ValueError:
        return
    if isinstance(found, dict) and isinstance(found.get("name"), str) and isinstance(found.get("version"), str):
        given = found.get("license")
        yield Package(
            kind="npm",
            name=found["name"],
            version=found["version"],
            license=given if isinstance(given, str) else "",
            path=path,
        )


def locked(lock: dict[str, Any], path: str) -> list[Package]:
    """Return what the ``package-lock.json`` at ``path`` installs without development packages: what a page is made of."""
    found = set()
    for place, entry in lock.get("packages", {}).items():
        name = entry.get("name") or place.rpartition("node_modules/")[2]
        left_out = entry.get("dev") or entry.get("devOptional") or entry.get("optional") or entry.get("link")
        if place and not left_out and entry.get("version"):
            given = str(entry.get("license") or "")
            found.add(Package(kind="npm", name=name, version=entry["version"], license=given, path=path))
    return sorted(found)
