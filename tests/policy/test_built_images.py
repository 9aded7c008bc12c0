"""What BuildKit pushes to the platform's registry is read as it is, and judged beside the pod that runs it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from moorage.policy.image_configs import ConfigReader
from moorage.policy.objects import IMAGE
from tests.policy.harness import web
from tests.policy.test_analyzer import analyze, server
from tests.support.buildx import buildx

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

DOCKERFILE = """
FROM scratch
ARG NPM_TOKEN=correct-horse
ENV API_KEY=correct-horse
LABEL maintainer=anna
COPY app /app
EXPOSE 9090
ENTRYPOINT /app --port 9090
"""


def test_every_mistake_of_a_built_image_is_found_in_what_the_registry_has(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "app").write_text("no program")
    repository, metadata = f"127.0.0.1:5000/policy-test/{uuid.uuid4().hex[:12]}", tmp_path / "metadata.json"
    buildx("--push", "--tag", f"{repository}:1", "--metadata-file", str(metadata), ".", cwd=tmp_path)
    reference = f"{repository}@{json.loads(metadata.read_text())['containerimage.digest']}"
    config = ConfigReader().read(reference)
    assert config is not None
    assert config["config"]["ExposedPorts"] == {"9090/tcp": {}}
    analyzer = server()
    analyze(analyzer, {"kind": IMAGE, "metadata": {"name": "web"}, "push": True, "tags": [f"{repository}:1"]})
    assert set(analyze(analyzer, web(c__image=reference))) == {
        "require-images-with-numeric-user",
        "prefer-ports-of-images",
        "disallow-shell-form-entrypoints",
        "disallow-secrets-in-images",
    }
