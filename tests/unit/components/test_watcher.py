"""The watcher: it reads and nothing else, it needs only Python, and it is there where the stack asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from moorage.base.errors import MoorageError
from moorage.components.labels import Labels, Role
from moorage.components.manifests import watcher
from moorage.config.loader import load_project
from tests.unit.program_samples import SERVICES, run_program, write_monorepo

if TYPE_CHECKING:
    from pathlib import Path

LABELS = Labels(application="harbour", instance="harbour-dev", name="watcher", role=Role.OBSERVABILITY)
STATEFUL_SET = watcher.stateful_set(LABELS, image="python@sha256:1", config_map="program-1", namespace="harbour-dev")
PAGE = [{**SERVICES[2], "needs": []}]
"""A service that is not in Python."""
POD: dict[str, Any] = STATEFUL_SET["spec"]["template"]["spec"]


def laid_out(folder: Path) -> Path:
    """Write the program as its volume shows it to the container."""
    program = watcher.program()
    (volume,) = [volume for volume in POD["volumes"] if "configMap" in volume]
    assert {item["key"] for item in volume["configMap"]["items"]} == program.keys()
    for item in volume["configMap"]["items"]:
        path = folder / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program[item["key"]])
    return folder


def test_the_program_is_whole_and_needs_nothing_but_python(tmp_path: Path) -> None:
    # -S: without the packages of this environment.
    command = [sys.executable, "-S", *POD["containers"][0]["args"][:2], "--namespace", "x"]
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(laid_out(tmp_path))}
    result = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    assert (result.returncode, result.stderr.split(",")[0]) == (1, "this is no pod")


def test_the_role_reads_and_does_nothing_else() -> None:
    for rule in watcher.role(LABELS)["rules"]:
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert not {"secrets", "configmaps", "pods/log", "pods/exec"} & set(rule["resources"])


def test_a_stack_has_no_watcher_unless_it_asks_for_one(tmp_path: Path) -> None:
    assert not [found for found in run_program(tmp_path).registrations if "watcher" in found.name]


def test_a_stack_that_asks_for_a_watcher_has_one_pod_that_waits_for_its_rights_and_its_network(tmp_path: Path) -> None:
    stack = run_program(tmp_path, settings={"observability": {"watcher": True}})
    stateful_set = stack.one("StatefulSet", "watcher-statefulset")
    before = [
        found.urn
        for found in stack.registrations
        if found.name in {"watcher-role", "watcher-binding", "watcher-network"}
    ]
    assert len(before) == 3
    assert set(before) <= stateful_set.dependencies
    assert stateful_set.inputs["spec"]["replicas"] == 1
    (container,) = stateful_set.inputs["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("127.0.0.1:5000/harbour/base-python@sha256:")


def test_an_image_of_ones_own_is_used_as_it_is_(
    tmp_path: Path,
) -> None:
    image = f"ghcr.io/acme/python@sha256:{'1' * 64}"
    settings = {"observability": {"watcher": True, "watcherImage": image}}
    stack = run_program(tmp_path, settings=settings, services=PAGE)
    (container,) = stack.one("StatefulSet", "watcher-statefulset").inputs["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image
    assert "base-python-image" not in {found.name for found in stack.of("Image")}


def test_the_base_image_is_built_where_only_the_watcher_runs_in_it(tmp_path: Path) -> None:
    stack = run_program(tmp_path, settings={"observability": {"watcher": True}}, services=PAGE)
    assert "base-python-image" in {found.name for found in stack.of("Image")}


@pytest.mark.parametrize(
    ("observability", "told"),
    [
        ({"watcher": True, "watcherImage": "python:3.13"}, "an image is named by its digest"),
        ({"watcher": "sometimes"}, "true or false"),
        ({"wacher": True}, "watcher"),
    ],
)
def test_a_mistake_is_one_clear_error(tmp_path: Path, observability: dict[str, Any], told: str) -> None:
    write_monorepo(tmp_path, "dev", {"observability": observability}, SERVICES)
    with pytest.raises(MoorageError, match=told) as error:
        load_project(tmp_path, "dev")
    (problem,) = error.value.problems
    assert "Pulumi.dev.yaml" in str(problem.where)


@pytest.mark.parametrize("taken", [True, False])
def test_a_watcher_that_cannot_be_is_refused(tmp_path: Path, taken: bool) -> None:
    name = "watcher" if taken else "other"
    services = [{**SERVICES[2], "name": name, "needs": [], "build": {"bases": []}}]
    write_monorepo(tmp_path, "dev", {"observability": {"watcher": True}}, services)
    if not taken:
        for file in (tmp_path / "images" / "python").iterdir():
            file.unlink()
        (tmp_path / "images" / "python").rmdir()
        (tmp_path / "images" / "python-build" / "image.yaml").write_text("{}\n")
    told = "have one name" if taken else "no image to run in"
    with pytest.raises(MoorageError, match=told):
        load_project(tmp_path, "dev")
