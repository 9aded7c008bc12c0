"""A software bill of materials in CycloneDX, written with the format's own library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.scan.packages import Package

_DISTRIBUTION = "debian"


def sbom(reference: str, digest: str, found: Sequence[Package]) -> str:
    """Return the SBOM of an image as JSON of CycloneDX 1.6: the image, and each package with its package URL."""
    algorithm, _, value = digest.partition(":")
    image = Component(
        type=ComponentType.CONTAINER,
        name=reference.partition("@")[0],
        version=digest,
        bom_ref="image",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=value)] if algorithm == "sha256" else [],
    )
    bom = Bom(components=[_component(package) for package in found])
    bom.metadata.component = image
    bom.register_dependency(image, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _component(package: Package) -> Component:
    url = _url(package)
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=url,
        bom_ref=str(url),
        licenses=[LicenseFactory().make_from_string(package.license)] if package.license else [],
        properties=[Property(name="moorage:record", value=package.path)],
    )


def _url(package: Package) -> PackageURL:
    if package.kind == "deb":
        qualifiers = {"arch": package.architecture} if package.architecture else {}
        if package.source != package.name:
            qualifiers["upstream"] = package.source
        return PackageURL("deb", _DISTRIBUTION, package.name, package.version, qualifiers)
    namespace, _, name = package.name.rpartition("/")
    return PackageURL(package.kind, namespace or None, name, package.version)
