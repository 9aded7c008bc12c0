"""What the program adds to the stack's releases, and when it adds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from moorage.components.manifests.deployment import RESTARTED_AT
from moorage.components.stack import declare
from moorage.config import outputs
from moorage.config.loader import load_project
from moorage.config.pinned import pinned_project
from moorage.config.release import Release, unpack
from tests.unit.program_samples import SERVICES, write_monorepo
from tests.unit.pulumi_mocks import DIGEST, Recording, record

if TYPE_CHECKING:
    from pathlib import Path

OTHER = f"127.0.0.1:5000/harbour/backend@sha256:{'7' * 64}"


@pytest.fixture(autouse=True)
def monorepo(tmp_path: Path) -> Path:
    write_monorepo(tmp_path, "dev", {}, SERVICES)
    pulumi.runtime.set_all_config({"moorage:signingKey": "canary-signing-key"}, ["moorage:signingKey"])
    return tmp_path


def run(root: Path, earlier: str = "", *, preview: bool = False) -> Recording:
    return record(
        lambda: declare(load_project(root, "dev")), preview=preview, earlier={outputs.RELEASES: earlier, "inputs": {}}
    )


def exported(found: Recording) -> str:
    return str(found.outputs[outputs.RELEASES])


def run_release(root: Path, release: Release, earlier: str, inputs: dict[str, Any]) -> Recording:
    return record(
        lambda: declare(pinned_project(root, "dev", release), release),
        earlier={outputs.RELEASES: earlier, outputs.INPUTS: inputs},
    )


def test_a_first_update_is_the_first_release_with_every_image_by_digest(monorepo: Path) -> None:
    (release,) = unpack(exported(run(monorepo)))
    assert (release.number, release.cause) == (1, "update")
    assert release.images["backend"] == f"127.0.0.1:5000/harbour/backend@{DIGEST}"
    assert release.stores.keys() == {"postgres", "redis"}
    assert release.ready.keys() == {"backend", "worker", "frontend", "ingress"}
    assert release.by
    assert "canary-signing-key" not in release.model_dump_json()


def test_the_same_again_leaves_the_releases_as_they_are_to_the_letter(monorepo: Path) -> None:
    first = exported(run(monorepo))
    assert exported(run(monorepo, first)) == first


def test_a_changed_setting_is_the_next_release(monorepo: Path) -> None:
    first = exported(run(monorepo))
    file = monorepo / "apps" / "backend" / "service.yaml"
    file.write_text(file.read_text().replace("LOG_LEVEL: info", "LOG_LEVEL: debug"))
    found = unpack(exported(run(monorepo, first)))
    assert [one.number for one in found] == [1, 2]
    assert found[1].services["backend"]["env"]["LOG_LEVEL"] == "debug"


def test_a_preview_records_nothing(monorepo: Path) -> None:
    first = exported(run(monorepo))
    file = monorepo / "apps" / "backend" / "service.yaml"
    file.write_text(file.read_text().replace("LOG_LEVEL: info", "LOG_LEVEL: debug"))
    assert exported(run(monorepo, first, preview=True)) == first


def test_releases_of_a_newer_version_are_left_as_they_are(monorepo: Path) -> None:
    assert exported(run(monorepo, "9:of-the-future")) == "9:of-the-future"


def test_a_release_is_declared_with_its_own_images_and_settings_and_without_a_build(monorepo: Path) -> None:
    first = exported(run(monorepo))
    (release,) = unpack(first)
    backend = {**release.services["backend"], "env": {"LOG_LEVEL": "error"}}
    release = release.model_copy(
        update={
            "images": {**release.images, "backend": OTHER},
            "services": {**release.services, "backend": backend},
            "cause": "rollback to 1",
        }
    )
    found = run_release(monorepo, release, first, {"apps/backend": "newest"})
    assert not found.of("Image")
    assert not found.of("ServiceImage")
    container = found.one("Deployment", "backend-deployment").inputs["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == OTHER
    assert found.one("ConfigMap", "backend-config").inputs["data"]["LOG_LEVEL"] == "error"
    assert found.outputs[outputs.INPUTS] == {"apps/backend": "newest"}, "what was built is no different"
    last = unpack(exported(found))[-1]
    assert (last.number, last.cause, last.images["backend"]) == (2, "rollback to 1", OTHER)


def test_a_restart_marks_the_pods_of_one_service_and_later_updates_keep_the_mark(monorepo: Path) -> None:
    first = exported(run(monorepo))
    (release,) = unpack(first)
    when = "2026-01-01T00:00:00+00:00"
    release = release.model_copy(update={"restarts": {"worker": when}, "cause": "restart of worker"})
    restarted = run_release(monorepo, release, first, {})
    for found in (restarted, run(monorepo, exported(restarted))):
        templates = {one.name: one.inputs["spec"]["template"]["metadata"] for one in found.of("Deployment")}
        assert templates["worker-deployment"]["annotations"] == {RESTARTED_AT: when}
        assert "annotations" not in templates["backend-deployment"]
    assert exported(run(monorepo, exported(restarted))) == exported(restarted)
