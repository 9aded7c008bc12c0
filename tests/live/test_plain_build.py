"""A plain ``buildx build -f apps/backend/Dockerfile .`` of the whole repository gives the image that the stack runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from moorage.components.service_image import PUSH
from moorage.config.loader import load_project
from tests.properties.build_graphs import delete_images
from tests.support.buildx import buildx
from tests.support.stack import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.checkout import Checkout


@pytest.mark.parametrize("service", ["backend", "worker", "frontend"])
def test_a_plain_build_gives_the_same_digest(copy: Checkout, service: str, tmp_path: Path) -> None:
    inputs, outputs = (copy.images(kind)[service] for kind in ("inputs", "outputs"))
    project = load_project(ROOT, "dev")
    arguments = [f"--build-arg={name}={value}" for name, value in inputs["buildArgs"].items()]
    secrets = [f"--secret=id=ca,src={project.target.ca}"] if project.target.ca else []
    metadata = tmp_path / "built.json"
    buildx(
        f"--file=apps/{service}/Dockerfile",
        f"--target={inputs['target']}",
        "--provenance=false",
        f"--output={PUSH},name={project.target.registry}/plain/{service}",
        f"--metadata-file={metadata}",
        *arguments,
        *secrets,
        ".",
    )
    digest = json.loads(metadata.read_text())["containerimage.digest"]
    delete_images([f"{project.target.registry}/plain/{service}@{digest}"])
    assert digest == outputs["digest"]
