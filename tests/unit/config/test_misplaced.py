"""A service that lies where nothing reads it is an error that names it, not a service that is gone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.unit.config_samples import WORKER

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

KUBERNETES = "apiVersion: v1\nkind: Service\nmetadata: {name: backend}\nspec: {ports: [{port: 80}]}\n"
HELM = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n"


@pytest.mark.parametrize(
    ("folder", "where"),
    [
        ("apps/team/vote", "apps/vote"),
        ("apps/team/europe/vote", "apps/vote"),
        ("apps/vote/vote", "apps/vote"),
        ("apps/backend/worker", "apps/worker"),
        ("apps/_vote", "apps/vote"),
        ("apps/.vote", "apps/vote"),
        ("vote", "apps/vote"),
        ("services/vote", "apps/vote"),
        ("src/services/vote", "apps/vote"),
        ("libs/vote", "apps/vote"),
        ("images/vote", "apps/vote"),
        ("apps", "apps/<name>"),
    ],
)
def test_a_service_outside_of_its_place_is_named_with_where_it_belongs(
    monorepo: Monorepo, folder: str, where: str
) -> None:
    monorepo.write(f"{folder}/service.yaml", WORKER.replace("name: worker", "name: vote"))
    monorepo.write(f"{folder}/Dockerfile", "FROM scratch AS production\n")
    problem = monorepo.problem()
    assert problem.what == f"{folder}/service.yaml is not read"
    assert str(problem.where).endswith(f"{folder}/service.yaml")
    assert where in str(problem.remedy)


@pytest.mark.parametrize("deeper", ["apps/team/worker", "worker", "apps/worker/worker", "services/worker"])
def test_a_service_that_moved_does_not_just_vanish(monorepo: Monorepo, deeper: str) -> None:
    aside = monorepo.root / "aside"
    shutil.move(monorepo.root / "apps/worker", aside)
    (monorepo.root / deeper).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(aside, monorepo.root / deeper)
    assert [problem.what for problem in monorepo.problems()] == [f"{deeper}/service.yaml is not read"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("apps/backend/deploy/service.yaml", KUBERNETES),
        ("apps/backend/chart/templates/service.yaml", HELM),
        ("deploy/service.yaml", KUBERNETES),
        ("apps/frontend/node_modules/other/service.yaml", WORKER),
        ("apps/backend/.venv/lib/service.yaml", WORKER),
        (".cache/vote/service.yaml", WORKER),
        ("tests/fixtures/vote/service.yaml", WORKER),
        ("templates/vote/service.yaml", WORKER),
        ("tools/service.yaml", WORKER),
        ("apps/backend/empty/service.yaml", ""),
    ],
)
def test_what_is_no_service_of_the_stack_is_left_alone(monorepo: Monorepo, path: str, text: str) -> None:
    monorepo.write(path, text)
    if not path.startswith("tools/"):
        monorepo.write(f"{path.rpartition('/')[0]}/Dockerfile", "FROM scratch\n")
    assert set(monorepo.load().services) == {"backend", "worker"}


@pytest.mark.parametrize("folder", ["images/team/ruby", "images/_ruby", "images/python/ruby"])
def test_a_base_image_outside_of_its_place_is_named_too(monorepo: Monorepo, folder: str) -> None:
    monorepo.write(f"{folder}/image.yaml", "build: {}\n")
    problem = monorepo.problem()
    assert problem.what == f"{folder}/image.yaml is not read"
    assert problem.remedy == f"move {folder} to images/ruby"
