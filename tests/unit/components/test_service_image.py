"""Images: what is built, from what, with which cache and secrets, and what is deployed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest
import yaml

from moorage.base import authorities
from moorage.build.digests import EPOCH, SHORT
from moorage.components.service_image import BuildCacheArgs, ServiceImage, ServiceImageArgs
from tests.unit.program_samples import run_program
from tests.unit.pulumi_mocks import DIGEST, Registration, record

if TYPE_CHECKING:
    from pathlib import Path

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"
REPOSITORY = "ghcr.io/acme/harbour/backend"


def image_of(**changes: Any) -> Registration:
    """Return the Image that a ServiceImage makes."""
    fields: dict[str, Any] = {
        "repository": REPOSITORY,
        "tags": ("dev", "0123456789abcdef"),
        "dockerfile": "apps/backend/Dockerfile",
        "epoch": EPOCH,
    }
    args = ServiceImageArgs(**{**fields, **changes})
    return record(lambda: ServiceImage("backend", args)).one("Image")


def reference(*, preview: bool, built: bool) -> str:
    """Return the reference that a ServiceImage gives to what runs it."""
    args = ServiceImageArgs(repository=REPOSITORY, tags=("dev",), dockerfile="Dockerfile", epoch=EPOCH)
    found = record(
        lambda: pulumi.export("image", ServiceImage("backend", args).image), preview=preview, built=built
    ).outputs["image"]
    assert isinstance(found, str)
    return found


def test_what_is_deployed_is_the_digest_without_a_tag() -> None:
    assert reference(preview=False, built=True) == f"{REPOSITORY}@{DIGEST}"


def test_a_preview_of_an_unchanged_image_has_its_digest() -> None:
    assert reference(preview=True, built=True) == f"{REPOSITORY}@{DIGEST}"


def test_a_preview_of_a_change_has_a_placeholder() -> None:
    assert reference(preview=True, built=False) == f"{REPOSITORY}:preview"


def test_a_build_that_gave_no_digest_is_an_error_and_not_a_deployment() -> None:
    with pytest.raises(pulumi.RunError, match="returned no digest"):
        reference(preview=False, built=False)


def test_a_preview_builds_and_pushes_nothing() -> None:
    assert image_of().inputs["buildOnPreview"] is False


def test_destroying_a_stack_leaves_its_images_to_others() -> None:
    assert image_of().retain_on_delete is True


def test_an_image_is_pushed_under_the_name_of_its_stack_and_its_input_digest() -> None:
    inputs = image_of().inputs
    (export,) = inputs["exports"]
    assert {"type=registry", "rewrite-timestamp=true"} <= set(export["raw"].split(","))
    assert inputs["tags"] == [f"{REPOSITORY}:dev", f"{REPOSITORY}:0123456789abcdef"]


def test_everything_in_an_image_has_one_time() -> None:
    assert image_of(epoch=12345).inputs["buildArgs"] == {"SOURCE_DATE_EPOCH": "12345"}


def test_the_context_is_named_by_no_path_of_one_machine() -> None:
    inputs = image_of(context=".moorage/contexts/backend/0123").inputs
    assert inputs["context"] == {"location": ".moorage/contexts/backend/0123"}
    assert inputs["dockerfile"] == {"location": ".moorage/contexts/backend/0123/apps/backend/Dockerfile"}
    assert image_of().inputs["dockerfile"] == {"location": "./apps/backend/Dockerfile"}


def test_cache_is_read_from_the_branch_then_from_main_and_written_to_the_branch() -> None:
    cache = BuildCacheArgs(repository="ghcr.io/acme/harbour/cache/backend", branch="feature/berths")
    inputs = image_of(cache=cache).inputs
    read = [entry["registry"]["ref"] for entry in inputs["cacheFrom"]]
    (written,) = [entry["registry"] for entry in inputs["cacheTo"]]
    assert read[0].startswith("ghcr.io/acme/harbour/cache/backend:feature-berths-")
    assert read[1:] == ["ghcr.io/acme/harbour/cache/backend:main"]
    assert written["ref"] == read[0]
    assert written["mode"] == "max"


def test_main_reads_its_cache_once() -> None:
    cache = BuildCacheArgs(repository="r/cache/backend", branch="main")
    assert [entry["registry"]["ref"] for entry in image_of(cache=cache).inputs["cacheFrom"]] == ["r/cache/backend:main"]


def test_a_cache_that_cannot_be_written_fails_no_build_and_suits_every_registry() -> None:
    cache = BuildCacheArgs(repository="r/cache/backend", branch="main")
    (entry,) = image_of(cache=cache).inputs["cacheTo"]
    assert entry["registry"]["ignoreError"] is True
    assert entry["registry"]["imageManifest"] is True
    assert entry["registry"]["ociMediaTypes"] is True


def test_without_a_cache_neither_is_read_nor_written() -> None:
    assert not {"cacheFrom", "cacheTo"} & image_of().inputs.keys()


def test_build_secrets_are_secret_and_a_renewed_one_builds_nothing() -> None:
    image = image_of(build_secrets={"ca": "canary-certificate"})
    assert "secrets" in image.secrets
    assert image.inputs["secrets"] == {"ca": "canary-certificate"}
    assert image.inputs["ignoreSecretsInDiffCalculation"] == ["ca"]


def test_builder_and_platforms_are_named_where_they_are_set() -> None:
    inputs = image_of(builder="moorage", platforms=("linux/amd64",)).inputs
    assert inputs["builder"] == {"name": "moorage"}
    assert inputs["platforms"] == ["linux/amd64"]
    assert not {"builder", "platforms", "target"} & image_of().inputs.keys()


def test_a_build_gets_only_the_secrets_that_its_dockerfile_mounts(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary-token")
    (tmp_path / "ca.pem").write_text("canary-certificate")
    stack = run_program(tmp_path, settings={"buildSecrets": {"ca": "ca.pem", "token": "token"}})
    with_secrets = {found.name: found.inputs["secrets"] for found in stack.of("Image") if "secrets" in found.inputs}
    assert with_secrets == {"base-python-build-image": {"ca": "canary-certificate"}}


@pytest.mark.parametrize("own", [True, False], ids=["own builder", "embedded builder"])
def test_builds_trust_what_this_machine_trusts_whosever_the_builder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, own: bool
) -> None:
    (tmp_path / "added").mkdir()
    (tmp_path / "added" / "company.crt").write_text(CERTIFICATE)
    monkeypatch.setattr(authorities, "ADDED", (tmp_path / "added",))
    monkeypatch.setattr(authorities, "PUBLIC", tmp_path / "public")
    kubeconfig = {"contexts": [{"name": "mine", "context": {}}]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    target = {
        "cluster": {"context": "mine", "kubeconfig": str(tmp_path / "kubeconfig")},
        "registry": {"address": "registry.example.com/acme"},
        "builder": "mine",
    }
    stack = run_program(tmp_path, settings=target if own else {})
    (image,) = [found for found in stack.of("Image") if "secrets" in found.inputs]
    assert image.inputs["secrets"] == {"ca": CERTIFICATE}


def test_base_images_arrive_as_build_args_by_digest(tmp_path: Path) -> None:
    inputs = run_program(tmp_path).one("Image", "backend-image").inputs
    assert inputs["buildArgs"] == {
        "FLAVOUR": "plain",
        "PYTHON_IMAGE": f"127.0.0.1:5000/harbour/base-python@{DIGEST}",
        "PYTHON_BUILD_IMAGE": f"127.0.0.1:5000/harbour/base-python-build@{DIGEST}",
        "SOURCE_DATE_EPOCH": str(EPOCH),
    }
    assert inputs["target"] == "production"
    assert inputs["builder"] == {"name": "moorage"}
    assert inputs["cacheTo"][0]["registry"]["ref"] == "127.0.0.1:5000/harbour/cache/backend:main"


def test_a_build_sees_a_folder_of_exactly_its_inputs_under_their_digest(tmp_path: Path) -> None:
    inputs = run_program(tmp_path).one("Image", "backend-image").inputs
    context = inputs["context"]["location"]
    folder, _, name = context.rpartition("/")
    assert folder == ".moorage/contexts/backend"
    assert len(name) == SHORT
    assert inputs["tags"] == ["127.0.0.1:5000/harbour/backend:dev", f"127.0.0.1:5000/harbour/backend:{name}"]
    assert inputs["dockerfile"] == {"location": f"{context}/apps/backend/Dockerfile"}
    assert (tmp_path / context / "apps" / "backend" / "Dockerfile").is_file()


def test_labels_are_added_where_there_are_some() -> None:
    assert image_of(labels={"org.opencontainers.image.revision": "0123"}).inputs["labels"] == {
        "org.opencontainers.image.revision": "0123"
    }
    assert "labels" not in image_of().inputs
