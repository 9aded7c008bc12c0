"""Images that Pulumi builds (docker-build): what goes into them and where they go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..examples import Example
from ..judge import each
from ..objects import IMAGE
from ..registry import ALWAYS, DEV_ADVISORY, Scope, Severity, rule
from ..secret_names import looks_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..objects import Object
    from ..tree import Node, Remark

_IMAGES: Final = frozenset({IMAGE})
_TARGET: Final = f"{IMAGE}/web"
_PINNED: Final = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")


@rule(
    "IMG-05",
    "disallow-secrets-in-builds",
    summary="No build argument and no label of an image holds a secret.",
    why="build arguments stay in the image's history, labels in its configuration, for everyone who can pull it",
    fix="pass it in secrets and mount it in the Dockerfile: RUN --mount=type=secret,id=…",
    scope=Scope.OBJECT,
    kinds=_IMAGES,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target=_TARGET, path="buildArgs.NPM_TOKEN", value="correct horse"),
)
def disallow_build_secrets(image: Object) -> Iterator[Remark]:
    """Ask that no value looks like a secret, by its own form or by its name."""

    def entry(item: tuple[str, Node]) -> Iterator[Remark]:
        key, node = item
        if looks_secret(key, str(node.scalar() or "")):
            yield node.remark("must be passed in secrets (the value is not shown)", hide=True)

    yield from each([*image.root["buildArgs"].fields(), *image.root["labels"].fields()], entry)


@rule(
    "IMG-07",
    "disallow-host-network-builds",
    summary="No image is built on the host's network.",
    why="commands of the Dockerfile then reach whatever listens on the builder's loopback",
    fix="remove network, or set it to default or none",
    scope=Scope.OBJECT,
    kinds=_IMAGES,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target=_TARGET, path="network", value="host"),
)
def disallow_host_network(image: Object) -> Iterator[Remark]:
    """Ask for another network."""
    node = image.root["network"]
    if node.text() == "host":
        yield node.remark("must be default or none")


@rule(
    "IMG-07T",
    "disallow-latest-tag-only-builds",
    summary="No image is pushed under the tag latest alone.",
    why="the next build takes the tag away, and nobody can name what ran before",
    fix="add a tag that names the version or the commit",
    scope=Scope.OBJECT,
    kinds=_IMAGES,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target=_TARGET, path="tags", value=["registry.example.com/team/web:latest"]),
)
def disallow_latest_only(image: Object) -> Iterator[Remark]:
    """Ask for a tag beside latest, of an image that is pushed under tags at all."""
    node = image.root["tags"]
    tags = [(item.text() or "").rpartition("/")[2].partition(":")[2] for item in node.elements()]
    if tags and all(tag in {"", "latest"} for tag in tags):
        yield node.remark("must have a tag other than latest", hide=True)


@rule(
    "IMG-07C",
    "require-portable-cache-export",
    summary="A cache that is exported to a registry is an image manifest of OCI's form.",
    why="several registries refuse the other form, at the end of the build",
    fix="set imageManifest and ociMediaTypes to true in cacheTo[].registry",
    scope=Scope.OBJECT,
    kinds=_IMAGES,
    levels=DEV_ADVISORY,
    severity=Severity.LOW,
    standards=(),
    example=Example(target=_TARGET, path="cacheTo[0].registry.imageManifest", value=False),
)
def require_portable_cache(image: Object) -> Iterator[Remark]:
    """Ask for imageManifest with every registry cache."""

    def cache(item: Node) -> Iterator[Remark]:
        registry = item["registry"]
        if registry.present and registry["imageManifest"].boolean() is not True:
            yield registry["imageManifest"].remark("must be true")

    yield from each(image.root["cacheTo"].elements(), cache)


@rule(
    "IMG-06",
    "require-pinned-bases-in-inline-dockerfiles",
    summary="A Dockerfile that is given inline names its bases by digest and ends with a user that is not root.",
    why="a base without a digest changes without notice; without USER every process starts as root",
    fix="write FROM name@sha256:…, and USER with a number above 0 after the last FROM",
    scope=Scope.OBJECT,
    kinds=_IMAGES,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("NSA container images",),
    example=Example(target=_TARGET, path="dockerfile.inline", value='FROM debian:trixie-slim\nCMD ["/bin/true"]\n'),
)
def require_pinned_bases(image: Object) -> Iterator[Remark]:
    """Ask for digests in FROM, except of stages, scratch and build arguments, and for a numeric last USER."""
    node = image.root["dockerfile"]["inline"]
    text = node.text()
    if not text:
        return
    stages: set[str] = set()
    user = ""
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        instruction = words[0].upper()
        if instruction == "FROM":
            user = ""
            base, stage = _base(words[1:])
            if base not in {*stages, "scratch", ""} and "$" not in base and not _PINNED.fullmatch(base):
                yield node.remark(f"must name {base} by digest", hide=True)
            stages.add(stage)
        elif instruction == "USER" and len(words) > 1:
            user = words[1].partition(":")[0]
    if not user.isdigit() or int(user) == 0:
        yield node.remark("must end with USER and a number above 0", hide=True)


def _base(words: list[str]) -> tuple[str, str]:
    """Return the image and the stage's name of a FROM instruction's words."""
    plain = [word for word in words if not word.startswith("--")]
    named = len(plain) > 2 and plain[1].upper() == "AS"
    return (plain[0] if plain else "", plain[2] if named else "")
