"""Images of the platform itself: the seed that every Dockerfile starts FROM, and its add-ons, one binary each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from moorage.base.errors import MoorageError
from moorage.platform.layout import BUILDER, Layout
from moorage.platform.pins import cache_folder, components

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED_RELEASE = "trixie"
SEED_NAME = "library/debian"
SEED_TAG = "trixie-slim"
_SEED_EPOCH = "1700000000"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json,application/vnd.oci.image.index.v1+json"

ADDONS = {
    "pause": ("pause",),
    "coredns": ("coredns",),
    "metrics-server": ("metrics-server",),
    "local-path-provisioner": ("local-path-provisioner",),
    "traefik": ("traefik",),
}
"""Image name: the arguments that every container of it starts with, the program first."""


class PlatformImages:
    """Puts the platform's images into its registry, once for each version."""

    def __init__(self, layout: Layout) -> None:
        """Use the registry and the builder of ``layout``."""
        self.layout = layout

    def references(self) -> dict[str, str]:
        """Return the image reference of each add-on and of the seed, by the name that manifests use."""
        found = {f"{name.replace('-', '_')}_image": self._reference(name) for name in ADDONS}
        return found | {"seed_image": f"{self.layout.registry}/{SEED_NAME}:{SEED_TAG}"}

    def missing(self) -> list[str]:
        """Return the names of images that the registry lacks."""
        return [name for name in (*ADDONS, "seed") if not self._present(name)]

    def ensure(self, name: str) -> None:
        """Build and push one image unless the registry has it."""
        if self._present(name):
            return
        if name == "seed":
            self._push_seed()
        else:
            self._push_addon(name)

    def _reference(self, name: str) -> str:
        if name == "traefik":
            version = Path(os.path.realpath(self.layout.bin / "traefik")).stat().st_size
            return f"{self.layout.registry}/moorage/traefik:{version}"
        component = next(component for component in components("platform") if component.name == name)
        return f"{self.layout.registry}/moorage/{name}:{component.version}-{component.digest[:12]}"

    def _present(self, name: str) -> bool:
        reference = self.references()["seed_image"] if name == "seed" else self._reference(name)
        repository, _, tag = reference.removeprefix(f"{self.layout.registry}/").rpartition(":")
        url = f"http://{self.layout.registry}/v2/{repository}/manifests/{tag}"
        return httpx.head(url, headers={"Accept": _MANIFEST}, trust_env=False).status_code == 200

    def _push_addon(self, name: str) -> None:
        with _scratch() as context:
            shutil.copyfile(self.layout.bin / name, context / name)
            entry = json.dumps([f"/{program}" for program in ADDONS[name]])
            (context / "Dockerfile").write_text(
                f"FROM scratch\nCOPY --chmod=0755 {name} /{name}\nUSER 65532:65532\nENTRYPOINT {entry}\n"
            )
            self._build(context, self._reference(name))

    def _push_seed(self) -> None:
        archive = self._seed_archive()
        with _scratch() as context:
            os.link(archive, context / "rootfs.tar") if _same_disk(archive, context) else shutil.copyfile(
                archive, context / "rootfs.tar"
            )
            (context / "Dockerfile").write_text('FROM scratch\nADD rootfs.tar /\nCMD ["/bin/sh"]\n')
            self._build(context, self.references()["seed_image"])

    def _seed_archive(self) -> Path:
        archive = cache_folder() / "seed" / f"{SEED_RELEASE}-{os.uname().machine}.tar"
        if archive.exists():
            return archive
        archive.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(archive.parent) as folder:
            aside = folder / "rootfs.tar"
            command = ["mmdebstrap", "--variant=minbase", "--quiet", *_SEED_OPTIONS, SEED_RELEASE, str(aside)]
            environment = os.environ | {"SOURCE_DATE_EPOCH": _SEED_EPOCH, "TMPDIR": str(folder)}
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if result.returncode:
                raise MoorageError.of(
                    "the seed image could not be made",
                    where=" ".join(command),
                    why="mmdebstrap could not download Debian's packages",
                    remedy="check that a Debian mirror is reachable, then run the command again",
                    detail=result.stderr.strip().splitlines()[-8:],
                )
            aside.rename(archive)
        return archive

    def _build(self, context: Path, reference: str) -> None:
        command = [
            str(self.layout.bin / "buildctl"),
            f"--addr=unix://{self.layout.buildkit_socket}",
            "build",
            "--progress=plain",
            "--frontend=dockerfile.v0",
            f"--local=context={context}",
            f"--local=dockerfile={context}",
            f"--output=type=image,name={reference},push=true,compression=uncompressed,oci-mediatypes=true",
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise MoorageError.of(
                f"the platform's image {reference} could not be built",
                where=f"unix://{self.layout.buildkit_socket}",
                why="see BuildKit's last lines",
                remedy="`moorage platform logs buildkitd` shows more; then run the command again",
                detail=result.stderr.strip().splitlines()[-8:],
            )


_SEED_OPTIONS = (
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)


def write_builder(layout: Layout) -> None:
    """Describe the builder to buildx, and so to Pulumi's docker-build provider, which need no Docker daemon for it."""
    instance = {
        "Name": BUILDER,
        "Driver": "remote",
        "Nodes": [{"Name": f"{BUILDER}0", "Endpoint": f"unix://{layout.buildkit_socket}"}],
        "Dynamic": False,
    }
    path = layout.docker_config / "buildx" / "instances" / BUILDER
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(instance))
    current = {"Key": "unix:///var/run/docker.sock", "Name": BUILDER, "Global": True}
    (layout.docker_config / "buildx" / "current").write_text(json.dumps(current))
    config = layout.docker_config / "config.json"
    if not config.exists():
        config.write_text("{}\n")


@contextmanager
def _scratch(parent: Path | None = None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".moorage-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _same_disk(first: Path, second: Path) -> bool:
    return first.stat().st_dev == second.stat().st_dev
