"""All rules on one image."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from moorage.scan.contents import check_contents
from moorage.scan.image import open_image
from moorage.scan.linking import check_linking
from moorage.scan.permissions import check_permissions
from moorage.scan.secrets import check_secrets
from moorage.scan.settings import check_settings

if TYPE_CHECKING:
    from moorage.base.image_reference import ImageReference
    from moorage.base.registry import Registry
    from moorage.scan.finding import Expectation, ImageFinding
    from moorage.scan.image import Image


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found in one image, sorted by rule and path."""

    name: str
    reference: str
    digest: str
    layers: int
    files: int
    packed_bytes: int
    unpacked_bytes: int
    findings: tuple[ImageFinding, ...]

    def document(self) -> dict[str, Any]:
        """Return the verdict as plain data, for JSON."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings]}


def check(registry: Registry, reference: ImageReference, expectation: Expectation, name: str = "") -> list[Verdict]:
    """Download every platform's image of a reference and return what its rules say.

    Raises `MoorageError` where one cannot be downloaded or read.
    """
    verdicts = []
    for manifest in registry.manifests(reference):
        with open_image(registry, manifest, name or str(reference)) as image:
            verdicts.append(_verdict(image, reference, expectation))
    return verdicts


def judge(image: Image, expectation: Expectation) -> tuple[ImageFinding, ...]:
    """Return what breaks a rule, sorted."""
    found = [
        *check_contents(image, expectation),
        *check_permissions(image, expectation),
        *check_settings(image, expectation),
        *check_linking(image),
        *check_secrets(image, expectation),
    ]
    return tuple(sorted(set(found)))


def _verdict(image: Image, reference: ImageReference, expectation: Expectation) -> Verdict:
    return Verdict(
        name=image.name,
        reference=str(reference),
        digest=image.digest,
        layers=len(image.layers),
        files=len(image.files),
        packed_bytes=image.packed_bytes,
        unpacked_bytes=image.unpacked_bytes,
        findings=judge(image, expectation),
    )
