"""Rules on what Pulumi knows and manifests do not: digests to come, protection, exemptions, what was not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.base.image_reference import parse_image

from ..examples import CONTAINER, Example
from ..exemptions import ANNOTATION, CONFIG_KEY, annotated
from ..judge import across, each
from ..objects import IMAGE, Object
from ..registry import ADVICE, ALWAYS, DEV_ADVISORY, PROD_ONLY, Scope, Severity, rule
from ..tree import UNKNOWN, Node, Remark, UnknownError
from .images import image_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ..exemptions import Exemption
    from ..objects import Container
    from ..stack import Stack


@rule(
    "IMG-02",
    "require-image-digests",
    summary="Every image is deployed by digest.",
    why="a tag can be pushed again: what was tested and what starts on a new node may differ",
    fix="deploy repository@sha256:…, such as the digest that docker-build's Image returns",
    scope=Scope.STACK,
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=("NSA container images",),
    example=Example(path=f"{CONTAINER}.image", value="registry.example.com/team/web:1.4.2"),
)
def require_digests(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask for a digest, unless the object waits for an Image of that repository, whose digest a preview cannot know."""
    awaited = _awaited(stack)

    def digest(about: Object) -> Iterator[Remark]:
        if about.pod is None:
            return

        def single(container: Container) -> Iterator[Remark]:
            node = container["image"]
            image = image_of(node)
            if image is None or image.digest is not None:
                return
            if image.path in awaited.get(about.origin.urn or "", ()):
                raise UnknownError(node.path)
            yield node.remark("must have a digest")

        yield from each(about.pod.containers, single)

    yield from across((pod.owner for pod in stack.pods), digest)


def _awaited(stack: Stack) -> dict[str, set[str]]:
    """Return, in a preview, the repositories of the images to be built that each URN depends on."""
    built: dict[str, set[str]] = {}
    for image in stack.of(IMAGE):
        if stack.dry_run and image.origin.urn:
            tags = image.root["tags"].value
            texts = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
            built[image.origin.urn] = {parse_image(tag).path for tag in texts}
    return {
        urn: set().union(*(built[image] for image in needed & set(built)))
        for urn, needed in stack.dependencies.items()
        if needed & set(built)
    }


@rule(
    "AVL-12P",
    "protect-data",
    summary="What holds data is protected by Pulumi.",
    why="a rename or a slip in a refactoring otherwise deletes the database",
    fix="pass opts=ResourceOptions(protect=True)",
    scope=Scope.OBJECT,
    kinds=frozenset({"StatefulSet", "PersistentVolumeClaim"}),
    levels=PROD_ONLY,
    severity=Severity.HIGH,
    standards=(),
    example=Example(target="StatefulSet/db", path="spec.replicas", value=1, protected=False, reads=False),
)
def protect_data(about: Object) -> Iterator[Remark]:
    """Ask for protect of claims and of StatefulSets that make claims; a manifest says nothing of it."""
    if about.origin.protect is not False or about.partial:
        return
    if about.kind == "PersistentVolumeClaim" or about.spec["volumeClaimTemplates"].elements():
        yield about.root["metadata"]["name"].remark("must be protected")


@rule(
    "PUL-01",
    "disallow-opaque-releases",
    summary="Charts are rendered where rules can see their objects.",
    why="a helm.sh/v3 Release is rendered inside the provider: none of its objects is judged by any rule",
    fix="use kubernetes.helm.v4.Chart",
    scope=Scope.OBJECT,
    kinds=frozenset({"Release"}),
    levels=DEV_ADVISORY,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(target="ConfigMap/web", path="kind", value="Release", reads=False),
)
def disallow_releases(release: Object) -> Iterator[Remark]:
    """Ask for another way to install the chart."""
    yield release.root.remark("must be a Chart", hide=True)


@rule(
    "PUL-02",
    "require-valid-exemptions",
    summary="Every exemption names a policy, has a reason, and ends within five years, on a day that has not come.",
    why="an exemption without an end becomes the rule",
    fix=f"write 'until YYYY-MM-DD: reason' in the annotation {ANNOTATION}<policy>, or correct the entry in {CONFIG_KEY}",
    scope=Scope.STACK,
    levels=ALWAYS,
    severity=Severity.MEDIUM,
    standards=(),
    example=Example(
        path='metadata.annotations["policy.moorage.dev/require-cpu-limits"]',
        value="until 2020-01-31: bursts are wanted while the cache fills",
        unknown="metadata.annotations",
        reads=False,
    ),
)
def require_valid_exemptions(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Ask that annotations are in the one form, and that nothing has expired."""

    def exempted(about: Object) -> Iterator[Remark]:
        valid, wrong = annotated(about)
        for path, must in wrong:
            yield Remark(path, None, must)
        for item in valid:
            if not item.holds(stack.today) or item.endless(stack.today):
                path = f'metadata.annotations["{ANNOTATION}{item.policy}"]'
                yield Remark(path, None, _ended(item, stack.today))

    yield from across((item for item in stack.objects if ":" not in item.kind), exempted)
    for item in stack.exemptions:
        if not item.holds(stack.today) or item.endless(stack.today):
            config = Object("StackConfig", "", Node({"metadata": {"name": CONFIG_KEY}}))
            yield config, Remark(item.source, None, _ended(item, stack.today))


def _ended(item: Exemption, today: date) -> str:
    return "must end within five years" if item.endless(today) else f"expired on {item.expires}"


@rule(
    "PUL-03",
    "list-unjudged-values",
    summary="Values that no rule could judge are listed.",
    why="a preview does not know them yet and an update judges them; or a registry, or Pulumi's backend, did not answer",
    fix="nothing, or make the value known to the preview",
    scope=Scope.STACK,
    levels=ADVICE,
    severity=Severity.LOW,
    standards=(),
    example=Example(path=f"{CONTAINER}.image", value=UNKNOWN, reads=False),
)
def list_unjudged(stack: Stack) -> Iterator[tuple[Object, Remark]]:
    """Name each object once, with every field that was not known and the rules that need it."""
    needed: dict[str, tuple[Object, dict[str, list[str]]]] = {}
    for item in stack.unjudged:
        _, fields = needed.setdefault(item.about.origin.urn or item.about.title, (item.about, {}))
        rules = fields.setdefault(item.path, [])
        if item.rule.name not in rules:
            rules.append(item.rule.name)
    for subject, fields in needed.values():
        path, *others = (f"{path} (for {_listed(rules)})" for path, rules in fields.items())
        yield subject, Remark("; ".join([path, *others]), None, "could not be judged")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
