"""An image of the monorepo, built by BuildKit and pushed to the registry."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
import pulumi_docker_build as docker_build

from moorage.base.image_reference import parse_image
from moorage.config import outputs

from .naming import tag_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREVIEW_TAG = "preview"
"""Tag of an image that a preview would build: its digest is only known once it was built."""
MAIN_BRANCH = "main"
PUSH = "type=registry,rewrite-timestamp=true,compression=gzip,compression-level=1"
"""To the registry, as plain ``push`` does, but with one time for all files, so that the same inputs give the same bytes
anywhere. That packs each layer a second time, so the level is the quickest one."""
EPOCH_ARG = "SOURCE_DATE_EPOCH"
"""Build arg that BuildKit itself reads; no RUN step sees it unless its stage declares it."""


@dataclass(frozen=True, kw_only=True)
class BuildCacheArgs:
    """Where BuildKit keeps its cache between machines: a repository of its own, a tag for each branch."""

    repository: str
    branch: str


@dataclass(frozen=True, kw_only=True)
class ServiceImageArgs:
    """One image: what it is built from, and where it goes."""

    repository: str
    """Registry, path and name, without a tag."""
    tags: Sequence[str]
    """For people; what is deployed is the digest."""
    dockerfile: str
    """Relative to `context`; ``<Dockerfile>.dockerignore`` beside it says what of the context the build may see."""
    context: str = "."
    """Relative to the project's folder."""
    pinned: Mapping[str, str] = field(default_factory=dict)
    """What an image that the Dockerfile names is instead, as ``repository@digest``."""
    epoch: int
    """Seconds since 1970 of the time that everything in the image has, whenever it is built."""
    target: str = ""
    """Stage of the Dockerfile; empty for the last one."""
    build_args: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Base images by digest, and the service's own args. They stay readable in the image."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Added to those of the Dockerfile."""
    build_secrets: Mapping[str, str] = field(default_factory=dict)
    """Contents of files that RUN steps may mount, by id."""
    builder: str = ""
    """Name of a buildx builder."""
    platforms: Sequence[str] = ()
    cache: BuildCacheArgs | None = None
    record: str = ""
    """What the stack's state keeps of the inputs, once the image is built; no content and no secret."""


def cache_from(cache: BuildCacheArgs) -> list[docker_build.CacheFromArgs]:
    """Return where cache is read: the branch's own first, then main's, which a new branch starts from."""
    branches = dict.fromkeys((cache.branch, MAIN_BRANCH))
    refs = [f"{cache.repository}:{tag_name(branch)}" for branch in branches]
    return [docker_build.CacheFromArgs(registry=docker_build.CacheFromRegistryArgs(ref=ref)) for ref in refs]


def cache_to(cache: BuildCacheArgs) -> list[docker_build.CacheToArgs]:
    """Return where cache is written: the branch's own reference, with the layers of every stage."""
    registry = docker_build.CacheToRegistryArgs(
        ref=f"{cache.repository}:{tag_name(cache.branch)}",
        mode=docker_build.CacheMode.MAX,
        # The provider would say false where BuildKit's own default is true; some registries take nothing else.
        image_manifest=True,
        oci_media_types=True,
        # The image itself was built and pushed; a cache that cannot be written costs only time.
        ignore_error=True,
    )
    return [docker_build.CacheToArgs(registry=registry)]


def _joined(context: str, dockerfile: str) -> str:
    path = posixpath.join(context, dockerfile)
    return posixpath.normpath(path) if dockerfile.startswith("..") else path


def named_contexts(pinned: Mapping[str, str]) -> dict[str, docker_build.ContextArgs] | None:
    """Return what BuildKit takes for the images that a Dockerfile names; None where it takes these as they are."""
    return {
        parse_image(name).familiar: docker_build.ContextArgs(location=f"docker-image://{reference}")
        for name, reference in sorted(pinned.items())
    } or None


class ServiceImage(pulumi.ComponentResource):
    """Builds one image and pushes it; an unchanged context, Dockerfile and arguments mean no build at all.

    `image` is its ``repository@digest``; in the preview of a change, when the digest cannot be known, it is
    ``repository:preview``. Destroying it leaves the image in the registry: other stacks may run the same digest.
    """

    def __init__(self, name: str, args: ServiceImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Build the image for the stack."""
        super().__init__(outputs.SERVICE_IMAGE, name, None, opts)
        built = docker_build.Image(
            f"{name}-image",
            push=False,
            exports=[docker_build.ExportArgs(raw=PUSH)],
            # A preview changes nothing anywhere, the registry's cache included.
            build_on_preview=False,
            context=docker_build.BuildContextArgs(location=args.context, named=named_contexts(args.pinned)),
            dockerfile=docker_build.DockerfileArgs(location=_joined(args.context, args.dockerfile)),
            target=args.target or None,
            build_args={**dict(sorted(args.build_args.items())), EPOCH_ARG: str(args.epoch)},
            labels=dict(args.labels) or None,
            secrets=dict(args.build_secrets) or None,
            # A renewed certificate or token does not make another image.
            ignore_secrets_in_diff_calculation=sorted(args.build_secrets) or None,
            builder=docker_build.BuilderConfigArgs(name=args.builder) if args.builder else None,
            platforms=[docker_build.Platform(platform) for platform in args.platforms] or None,
            tags=[f"{args.repository}:{tag}" for tag in args.tags],
            cache_from=cache_from(args.cache) if args.cache else None,
            cache_to=cache_to(args.cache) if args.cache else None,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.image: pulumi.Output[str] = built.digest.apply(lambda digest: _reference(args.repository, digest))
        self.register_outputs({outputs.IMAGE: self.image, outputs.INPUTS: self.image.apply(lambda _: args.record)})


def _reference(repository: str, digest: str) -> str:
    if digest:
        return f"{repository}@{digest}"
    if pulumi.runtime.is_dry_run():
        return f"{repository}:{PREVIEW_TAG}"
    raise pulumi.RunError(
        f"{repository} was built, but BuildKit returned no digest; check that the builder may push to the registry"
    )
