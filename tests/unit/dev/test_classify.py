"""What a change of each kind of file asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.cli.dev import developable
from moorage.config.develop import VARIABLE, developing
from moorage.config.loader import load_project
from moorage.dev.classify import Classifier

if TYPE_CHECKING:
    from pathlib import Path


def _classifier(root: Path) -> Classifier:
    return Classifier(load_project(root, "dev"))


@pytest.mark.parametrize(
    ("path", "services"),
    [
        ("apps/backend/backend/api.py", {"backend"}),
        ("apps/backend/backend/migrations/0002_new.sql", {"backend"}),
        ("libs/harbour/harbour/logs.py", {"backend", "worker"}),
        ("apps/frontend/src/App.tsx", {"frontend"}),
        ("apps/backend/backend", {"backend"}),
        ("libs", {"backend", "worker"}),
    ],
)
def test_source_is_copied_into_the_pods_of_whoever_contains_it(checkout: Path, path: str, services: set[str]) -> None:
    verdict = _classifier(checkout).verdict([path])
    assert verdict.copied == {name: {path} for name in services}
    assert verdict.settings == verdict.nothing == set()


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "apps/backend/tests/test_backend_api.py",
        "libs/harbour/tests/test_harbour_logs.py",
        "apps/backend/backend/__pycache__/api.cpython-313.pyc",
        "apps/frontend/tests/App.test.tsx",
        "Pulumi.prod.yaml",
        "apps/frontend/node_modules/react/index.js",
    ],
)
def test_what_runs_nowhere_asks_for_nothing(checkout: Path, path: str) -> None:
    verdict = _classifier(checkout).verdict([path])
    assert verdict.nothing == {path}
    assert verdict.copied == {}
    assert verdict.settings == verdict.inputs == set()


@pytest.mark.parametrize(
    "path", ["apps/worker/service.yaml", "Pulumi.dev.yaml", "Pulumi.yaml", "images/python/image.yaml"]
)
def test_settings_ask_for_an_update(checkout: Path, path: str) -> None:
    assert _classifier(checkout).verdict([path]).settings == {path}


@pytest.mark.parametrize(
    "path", ["apps/backend/Dockerfile", "apps/backend/Dockerfile.dockerignore", "uv.lock", "apps/frontend/index.html"]
)
def test_other_inputs_may_ask_for_an_image(checkout: Path, path: str) -> None:
    assert _classifier(checkout).verdict([path]).inputs == {path}


def test_an_image_is_built_for_what_copying_cannot_bring(checkout: Path) -> None:
    before = _classifier(checkout)

    def changed() -> frozenset[str]:
        return before.changed_images(_classifier(checkout))

    api = checkout / "apps/backend/backend/api.py"
    api.write_text(api.read_text() + "# edited\n")
    readme = checkout / "README.md"
    readme.write_text("edited")
    assert changed() == set()
    index = checkout / "apps/frontend/index.html"
    index.write_text(index.read_text() + "<!-- edited -->")
    assert changed() == {"frontend"}
    dockerfile = checkout / "apps/backend/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "LABEL edited=true\n")
    assert changed() == {"backend", "frontend"}
    base = checkout / "images/python-build/Dockerfile"
    base.write_text(base.read_text() + "LABEL edited=true\n")
    assert changed() == {"backend", "frontend", "worker"}


def test_settings_that_say_the_same_are_no_change(checkout: Path) -> None:
    before = _classifier(checkout)
    service = checkout / "apps/worker/service.yaml"
    service.write_text("# a comment\n" + service.read_text())
    assert not before.changed_settings(_classifier(checkout))
    service.write_text(service.read_text().replace("replicas: 2", "replicas: 3").replace("needs: [redis]", "needs: []"))
    assert before.changed_settings(_classifier(checkout))


def test_a_service_is_developed_with_its_own_stage_resources_and_patient_probes(checkout: Path) -> None:
    services = load_project(checkout, "dev").services
    assert {service.build.target for service in services.values()} == {"development"}
    assert services["frontend"].resources.limits.memory == "768Mi"
    assert services["backend"].liveness_probe.failure_threshold == 8640
    assert services["backend"].scaling is None


def test_outside_a_session_the_stack_is_what_its_files_say(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    project = load_project(checkout, "dev")
    assert {service.build.target for service in project.services.values()} == {"production"}
    assert developable(project, []) == ("backend", "frontend", "worker")
    assert developable(project, ["worker"]) == ("worker",)


def test_what_cannot_be_developed_is_said_with_the_remedy(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    dockerfile = checkout / "apps/worker/Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("AS development", "AS workshop"))
    project = load_project(checkout, "dev")
    assert developable(project, []) == ("backend", "frontend")
    with pytest.raises(MoorageError, match="worker cannot be developed in its pods"):
        developable(project, ["worker"])
    with pytest.raises(MoorageError, match="did you mean backend"):
        developable(project, ["bakend"])
    service = checkout / "apps/worker/service.yaml"
    service.write_text(service.read_text() + "develop: {target: workshop}\n")
    assert developable(load_project(checkout, "dev"), ["worker"]) == ("worker",)


def test_a_stage_that_works_on_what_it_copied_cannot_be_developed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    dockerfile = checkout / "apps/worker/Dockerfile"
    text = dockerfile.read_text()
    dockerfile.write_text(
        text.replace("WORKDIR /app\nENV ENVIRONMENT=development", "RUN true\nENV ENVIRONMENT=development")
    )
    assert dockerfile.read_text() != text
    assert developable(load_project(checkout, "dev"), []) == ("backend", "frontend")


def test_a_variable_of_someone_else_is_refused() -> None:
    with pytest.raises(MoorageError, match="MOORAGE_DEVELOP is not what `moorage dev` sets"):
        developing({VARIABLE: "yes"})
