"""The same inputs give the same images, byte by byte, on a builder that has never built anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from moorage.build.digests import EPOCH, Inputs
from moorage.build.staging import staged
from moorage.components.service_image import EPOCH_ARG, PUSH
from moorage.config.loader import load_project
from moorage.config.service import image_build_arg
from tests.support.stack import ROOT
from tests.support.workbench import workbench

if TYPE_CHECKING:
    from moorage.build.digests import NodeInputs
    from moorage.config.project import Project
    from tests.support.checkout import Checkout
    from tests.support.workbench import Workbench

pytestmark = pytest.mark.live


def built(bench: Workbench, project: Project, inputs: NodeInputs, bases: dict[str, str]) -> str:
    """Build and push one image as a stack does, and return its digest."""
    node = inputs.node
    build = (project.services[node.name] if str(node).startswith("apps/") else project.base_images[node.name]).build
    context, metadata = staged(ROOT, inputs), bench.folder / f"{node.name}.json"
    args = {**{image_build_arg(name): bases[name] for name in build.bases}, **build.args, EPOCH_ARG: str(EPOCH)}
    secrets = [f"--secret=id={name},src={project.target.ca}" for name in inputs.secrets if name == "ca"]
    bench.buildx(
        "build",
        f"--file={context}/{inputs.dockerfile}",
        *([f"--target={build.target}"] if build.target else []),
        *(f"--build-arg={name}={value}" for name, value in args.items()),
        *(secrets if project.target.ca else []),
        f"--output={PUSH},name={bench.registry}/{node.name}:x",
        "--provenance=false",
        f"--metadata-file={metadata}",
        context,
    )
    digest: str = json.loads(metadata.read_text())["containerimage.digest"]
    return digest


def test_an_empty_builder_makes_the_images_that_the_stack_runs_of_the_same_inputs(copy: Checkout) -> None:
    """Those were built by Pulumi, by another builder, at another time, from another folder."""
    project = load_project(ROOT, "dev")
    digests: dict[str, str] = {}
    bases: dict[str, str] = {}
    with workbench() as bench:
        for node, inputs in Inputs(project).all().items():
            base = str(node).startswith("images/")
            name = f"base-{node.name}" if base else node.name
            digests[name] = built(bench, project, inputs, bases)
            if base:
                bases[node.name] = f"{bench.registry}/{node.name}@{digests[name]}"
    assert {name: found["digest"] for name, found in copy.images("outputs").items()} == digests
