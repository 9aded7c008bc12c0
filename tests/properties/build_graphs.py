"""Generated graphs of base images and services, and what their images consist of once they are really built."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from hypothesis import strategies as st

from moorage.config.service import image_build_arg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hypothesis.strategies import DrawFn

MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
PROBE = "{ httpGet: { path: /health } }"


@dataclass(frozen=True)
class BuildGraph:
    """Base images and services by name, each with the base images that it is built FROM, and what services need."""

    images: tuple[tuple[str, tuple[str, ...]], ...]
    """In no order of any meaning."""
    services: tuple[tuple[str, tuple[str, ...]], ...]
    needs: tuple[tuple[str, tuple[str, ...]], ...]

    def bases(self, name: str) -> tuple[str, ...]:
        """Return what an image is built FROM."""
        return dict(self.images + self.services)[name]

    def below(self, name: str) -> set[str]:
        """Return an image and everything that it is built FROM, however indirectly."""
        return {name}.union(*(self.below(base) for base in self.bases(name)))

    def used(self) -> set[str]:
        """Return the images that have to be built."""
        return set[str]().union(*(self.below(service) for service, _ in self.services))


@st.composite
def build_graphs(draw: DrawFn) -> BuildGraph:
    """Graphs whose names tell nothing of the order, and whose images need not all be of use."""
    letters = draw(st.permutations("abcdefgh"))
    count, services = draw(st.integers(0, 4)), draw(st.integers(1, 3))
    images, running = letters[:count], letters[count : count + services]

    def some(names: Sequence[str], most: int) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from(names), max_size=most, unique=True))) if names else ()

    found = [(image, some(images[:index], 2)) for index, image in enumerate(images)]
    return BuildGraph(
        images=tuple(draw(st.permutations(found))),
        services=tuple((service, some(images, 3)) for service in running),
        needs=tuple((service, some(running[:index], 2)) for index, service in enumerate(running)),
    )


def write_graph(root: Path, number: int, graph: BuildGraph) -> None:
    """Write a graph's files into a monorepo; its names begin with ``g<number>-``."""
    own = f"g{number}-"
    for name, bases in graph.images:
        folder = root / "images" / f"{own}{name}"
        folder.mkdir(parents=True)
        (folder / "image.yaml").write_text(f"build:\n  bases: [{', '.join(own + base for base in bases)}]\n")
        _write_build(root, f"images/{own}{name}", own, bases)
    needs = dict(graph.needs)
    for name, bases in graph.services:
        folder = root / "apps" / f"{own}{name}"
        folder.mkdir(parents=True)
        (folder / "service.yaml").write_text(
            f"name: {own}{name}\nkind: web\nport: 8000\n"
            f"build:\n  target: ''\n  bases: [{', '.join(own + base for base in bases)}]\n"
            f"needs: [{', '.join(own + need for need in needs[name])}]\n"
            f"startupProbe: {PROBE}\nlivenessProbe: {PROBE}\nreadinessProbe: {PROBE}\n"
            "resources:\n  requests: { cpu: 10m, memory: 32Mi }\n  limits: { cpu: 100m, memory: 64Mi }\n"
        )
        _write_build(root, f"apps/{own}{name}", own, bases)


def _write_build(root: Path, folder: str, own: str, bases: tuple[str, ...]) -> None:
    """Write a Dockerfile that adds one file to all that is in the bases."""
    name = folder.rsplit("/", 1)[1]
    arguments = [image_build_arg(own + base) for base in bases]
    lines = [f"ARG {argument}=none" for argument in arguments]
    lines += [f"FROM ${{{argument}}} AS from{index}" for index, argument in enumerate(arguments)]
    lines += ["FROM from0" if bases else "FROM scratch"]
    lines += [f"COPY --from=from{index} /made /made" for index in range(1, len(bases))]
    lines += [f"COPY {folder}/{name} /made/"]
    (root / folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    (root / folder / "Dockerfile.dockerignore").write_text(f"*\n!{folder}/{name}\n")
    (root / folder / name).write_text(name)


def write_project(root: Path, graphs: Sequence[BuildGraph], parallelism: int) -> None:
    """Write a monorepo of many graphs that have nothing to do with each other."""
    for number, graph in enumerate(graphs):
        write_graph(root, number, graph)
    (root / "Pulumi.yaml").write_text("name: property-builds\nruntime: python\n")
    (root / "Pulumi.dev.yaml").write_text(
        "config:\n  moorage:application: property-builds\n  moorage:ingress:\n    host: property.localhost\n"
        f"  moorage:buildParallelism: {parallelism}\n  moorage:cache:\n    enabled: false\n"
    )


def made_in(image: str) -> set[str]:
    """Return the names of the files in ``/made`` of an image, given as ``registry/repository@digest``, from its layers."""
    registry, _, rest = image.partition("/")
    repository, _, digest = rest.partition("@")
    with httpx.Client(base_url=f"http://{registry}/v2/{repository}", trust_env=False, timeout=30) as client:
        manifest = _manifest(client, digest)
        if "manifests" in manifest:
            manifest = _manifest(client, manifest["manifests"][0]["digest"])
        found = set()
        for layer in manifest["layers"]:
            content = client.get(f"/blobs/{layer['digest']}", follow_redirects=True).raise_for_status().content
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                found |= {member.name.rsplit("/", 1)[-1] for member in archive if member.isfile()}
    return found


def delete_images(images: Iterable[str]) -> None:
    """Remove images, given as ``registry/repository@digest``, from the registry."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        for image in images:
            registry, _, rest = image.partition("/")
            repository, _, digest = rest.partition("@")
            client.delete(f"http://{registry}/v2/{repository}/manifests/{digest}").raise_for_status()


def _manifest(client: httpx.Client, digest: str) -> dict[str, Any]:
    answer = client.get(f"/manifests/{digest}", headers={"Accept": ", ".join(MEDIA_TYPES)}).raise_for_status()
    manifest: dict[str, Any] = answer.json()
    return manifest
