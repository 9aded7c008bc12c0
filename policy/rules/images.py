"""The images that pods run: which, from where, and how they are pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moorage.base.image_reference import ImageReference, parse_image

from ..examples import CONTAINER, Example
from ..registry import ALWAYS, REMEDIED_IN_DEV, Scope, Severity, rule
from ..remediation import containers_of, ensure
from ..tree import UnknownError
from ..unknowns import UNKNOWN_STRINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..objects import Container
    from ..tree import Node, Remark

MOVING_TAGS: Final = ["latest", "main", "master", "dev", "develop", "edge", "nightly", "stable", "canary"]
PULL_POLICIES: Final = frozenset({"Always", "IfNotPresent"})


def image_of(node: Node) -> ImageReference | None:
    """Return the reference in ``node``, None for none; raises UnknownError for a digest that is still to come."""
    text = node.text()
    if not text:
        return None
    image = parse_image(text)
    if image.pending:
        raise UnknownError(node.path)
    return image


@rule(
    "IMG-01",
    "disallow-latest-tag",
    summary="Every image has a tag other than latest, or a digest.",
    why="what latest means changes without notice: two pods of one Deployment may run different programs",
    fix="name the version in the tag, or deploy by digest",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("NSA container images",),
    example=Example(path=f"{CONTAINER}.image", value="registry.example.com:5000/team/web"),
)
def disallow_latest(container: Container) -> Iterator[Remark]:
    """Ask for a digest, or a tag that is not latest."""
    node = container["image"]
    image = image_of(node)
    if image is None:
        yield node.remark("must name an image")
    elif image.digest is None and image.tag in {None, "latest"}:
        yield node.remark("must have a digest, or a tag that is not latest")


def fix_pull_policy(root: Any) -> bool:
    """Set IfNotPresent where the image is pinned and Always where it is not, in containers with no valid policy."""
    changed = False
    for container in containers_of(root):
        image = container.get("image")
        if not isinstance(image, str) or image in UNKNOWN_STRINGS:
            continue
        reference = parse_image(image)
        pinned = reference.pending or reference.digest is not None or reference.tag not in {None, *MOVING_TAGS}
        value = "IfNotPresent" if pinned else "Always"
        changed |= ensure(container, ("imagePullPolicy",), value, _no_text_to_change)
    return changed


def _no_text_to_change(policy: Any) -> bool:
    return not isinstance(policy, str) or policy in PULL_POLICIES


@rule(
    "IMG-03",
    "require-image-pull-policy",
    summary="Every container says whether its image is pulled Always or IfNotPresent.",
    why="with Never a pod starts only on nodes that happen to have the image; left out, the tag decides",
    fix="set imagePullPolicy to IfNotPresent for a pinned image, to Always for a tag that moves",
    scope=Scope.CONTAINER,
    levels=REMEDIED_IN_DEV,
    severity=Severity.MEDIUM,
    standards=(),
    remedy=fix_pull_policy,
    example=Example(path=f"{CONTAINER}.imagePullPolicy", value="Never"),
)
def require_pull_policy(container: Container) -> Iterator[Remark]:
    """Ask for Always or IfNotPresent."""
    node = container["imagePullPolicy"]
    if node.text() not in PULL_POLICIES:
        yield node.remark("must be Always or IfNotPresent")


@rule(
    "IMG-03M",
    "require-always-pull-for-moving-tags",
    summary="A tag that moves is pulled at every start.",
    why="a node that has an older image under the same tag would go on running it",
    fix="deploy by digest or by a version's tag, or set imagePullPolicy to Always",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(),
    settings={"movingTags": {"type": "array", "items": {"type": "string"}, "default": MOVING_TAGS}},
    example=Example(path=f"{CONTAINER}.image", value="registry.example.com/team/web:main"),
)
def require_always_for_moving_tags(container: Container, settings: Mapping[str, Any]) -> Iterator[Remark]:
    """Ask for Always where the tag is in the list, or there is none, unless a digest pins the image."""
    image = image_of(container["image"])
    moves = image is not None and image.digest is None and (image.tag is None or image.tag in settings["movingTags"])
    node = container["imagePullPolicy"]
    if moves and node.text() == "IfNotPresent":
        yield node.remark("must be Always for a tag that moves")


@rule(
    "IMG-04",
    "restrict-image-registries",
    summary="Images come from the registries that are listed, where any are.",
    why="an image from elsewhere has been through none of your builds and scans",
    fix="copy the image into one of the allowed registries, or add its registry to allowedRegistries",
    scope=Scope.CONTAINER,
    levels=ALWAYS,
    severity=Severity.HIGH,
    standards=("NSA container images",),
    settings={"allowedRegistries": {"type": "array", "items": {"type": "string"}, "default": []}},
    example=Example(path=f"{CONTAINER}.image", value="registry.example.com.evil.example/team/web:1.4.2"),
)
def restrict_registries(container: Container, settings: Mapping[str, Any]) -> Iterator[Remark]:
    """Registry, with as much of the path as an entry gives, is in the list; entries end at a slash."""
    allowed = [entry.rstrip("/") for entry in settings["allowedRegistries"]]
    node = container["image"]
    text = node.text()
    if not allowed or not text:
        return
    path = parse_image(text).path
    if not any(path.startswith(f"{entry}/") for entry in allowed):
        yield node.remark(f"must come from {', '.join(allowed)}")
