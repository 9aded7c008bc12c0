"""Where the monorepo's parts lie is the project's own to say: any folder, any program folder, two projects beside each other."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.build.comparison import changes
from moorage.build.digests import Inputs
from moorage.build.record import record_of
from moorage.build.revisions import record_at
from moorage.config.graph import Kind
from moorage.config.loader import load_project
from moorage.config.locate import find_root
from moorage.config.repository import read_repository
from tests.unit.config_samples import WORKER

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.base.errors import Problem
    from moorage.config.project import Project

STACK = "config:\n  moorage:ingress: {host: shop.localhost}\n"
IGNORE = "*\n!{folder}/main.txt\n!packages/money\n"
SERVICE = WORKER.replace("bases: [python]", "bases: []").replace("libs: [harbour]", "libs: [money]")
SERVICE = SERVICE.replace("needs: [redis, backend]\n", "")


class Shop:
    """A repository of another team: services below ``services/`` and ``src/``, a library, the program in ``infra/``."""

    def __init__(self, root: Path, layout: str = "", program: str = "infra") -> None:
        self.root, self.program = root, root / program
        for folder in ("services/orders", "src/mail/sender"):
            self.service(folder)
        self.write("packages/money/go.mod", "module money\n")
        self.write(f"{program}/__main__.py", "")
        self.write(f"{program}/Pulumi.dev.yaml", STACK)
        usual = "root: .., services: [services/*, src/**], libs: [packages/*]"
        self.write(
            f"{program}/Pulumi.yaml", f"name: shop\nruntime: python\nmoorage:\n  layout: {{{layout or usual}}}\n"
        )

    def service(self, folder: str) -> None:
        name = folder.rpartition("/")[2]
        self.write(f"{folder}/service.yaml", SERVICE.replace("name: worker", f"name: {name}"))
        self.write(f"{folder}/Dockerfile", f"FROM scratch AS production\nCOPY {folder}/main.txt packages/money /\n")
        self.write(f"{folder}/Dockerfile.dockerignore", IGNORE.format(folder=folder))
        self.write(f"{folder}/main.txt", "first")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def load(self) -> Project:
        return load_project(self.program, "dev")

    def problems(self) -> tuple[Problem, ...]:
        with pytest.raises(MoorageError) as error:
            self.load()
        return error.value.problems

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *who, *arguments], cwd=self.root, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("init", "--quiet", ".") if not (self.root / ".git").exists() else None
        self.write(".gitignore", ".moorage/\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "One more")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path.resolve())


def test_services_and_libraries_lie_where_the_globs_say(shop: Shop) -> None:
    project = shop.load()
    assert {name: str(project.service(name)) for name in project.services} == {
        "orders": "services/orders",
        "sender": "src/mail/sender",
    }
    assert project.libs == ("money",)
    assert (project.root, project.program) == (shop.root, shop.program)
    assert {str(edge.target) for edge in project.graph.edges} == {"packages/money"}


def test_what_git_does_not_track_lies_beside_the_program(shop: Shop) -> None:
    found = Inputs(shop.load()).all()
    assert {path for inputs in found.values() for path in inputs.files()} >= {"services/orders/main.txt"}
    assert (shop.root / "infra/.moorage/inputs.json").is_file()
    assert not (shop.root / ".moorage").exists()


def test_a_file_belongs_to_the_innermost_folder(shop: Shop) -> None:
    shop.service("services/orders/refunds")
    shop.write(
        "infra/Pulumi.yaml",
        "name: shop\nruntime: python\nmoorage: {layout: {root: .., services: [services/**, src/**], libs: [packages/*]}}\n",
    )
    owner_of = read_repository(shop.program, []).owner_of
    found = {path: str(owner_of(path)) for path in ("services/orders/a.py", "services/orders/refunds/b/a.py", "a.py")}
    assert found == {
        "services/orders/a.py": "services/orders",
        "services/orders/refunds/b/a.py": "services/orders/refunds",
        "a.py": "None",
    }


def test_a_change_since_a_revision_is_told_from_below_the_repositorys_top(shop: Shop) -> None:
    nested = Shop(shop.root / "teams/shop")
    shop.commit()
    nested.write("services/orders/main.txt", "second")
    project = nested.load()
    after = record_of(project, Inputs(project).all())
    before = record_at(project, "HEAD", after)
    assert before is not None
    assert list(changes(project, before, after).images) == ["services/orders"]


def test_a_change_of_a_library_is_told_by_the_librarys_folder(shop: Shop) -> None:
    shop.commit()
    shop.write("packages/money/round.go", "package money")
    project = shop.load()
    after = record_of(project, Inputs(project).all())
    found = changes(project, record_at(project, "HEAD", after) or after, after)
    assert sorted(found.images) == ["services/orders", "src/mail/sender"]
    chains = {chain for service in found.services for chain in service.chains}
    assert (
        "packages/money/round.go",
        "packages/money",
        "services/orders",
        "image orders",
        "Deployment orders",
    ) in chains


@pytest.mark.parametrize("folder", [".", "infra", "services/orders", "src/mail/sender", "packages"])
def test_the_program_is_found_from_any_folder_of_the_monorepo(
    shop: Shop, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.commit()
    monkeypatch.chdir(shop.root / folder)
    assert find_root() == shop.program


def test_in_a_worktree_the_program_is_the_worktrees_own(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.commit()
    other = tmp_path_factory.mktemp("worktrees").resolve() / "other"
    shop.git("worktree", "add", "--quiet", str(other))
    monkeypatch.chdir(other / "services/orders")
    assert find_root() == other / "infra"


def test_of_two_projects_each_has_the_folders_of_its_own_monorepo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path.resolve()
    first, second = Shop(root / "shop"), Shop(root / "blog")
    first.root, here = root, first.root
    first.commit()
    first.root = here
    for project in (first, second):
        assert len(project.load().services) == 2
        monkeypatch.chdir(project.root / "services/orders")
        assert find_root() == project.program


def test_two_projects_with_one_top_are_told_apart_by_a_variable(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = "root: .., services: [src/**], libs: [packages/*]"
    Shop(shop.root, layout, program="deploy")
    shop.commit()
    monkeypatch.chdir(shop.root / "services")
    with pytest.raises(MoorageError, match="more than one Moorage project"):
        find_root()
    monkeypatch.setenv("MOORAGE_PROJECT", str(shop.root / "deploy"))
    assert set(load_project(find_root(), "dev").services) == {"sender"}
    monkeypatch.setenv("MOORAGE_PROJECT", str(shop.root / "src"))
    with pytest.raises(MoorageError, match="MOORAGE_PROJECT names no Moorage project"):
        find_root()


@pytest.mark.parametrize(
    ("layout", "what"),
    [
        (
            "root: .., services: [services/*, services/orders, src/**], libs: [packages/*]",
            "services/orders is found by two globs, services: services/* and services: services/orders",
        ),
        (
            "root: .., services: [services/*, src/**], libs: [packages/*, services/*]",
            "services/orders is found by two globs, services: services/* and libs: services/*",
        ),
        (
            "root: .., services: [services/*, src/**, lambdas/*], libs: [packages/*]",
            "the glob lambdas/* finds no service",
        ),
        (
            "root: .., services: [services/*, src/**], libs: [packages/*], images: [docker/*]",
            "the glob docker/* finds no base image",
        ),
        ("root: .., services: [/services/*]", "layout.services[0]: '/services/*' is not allowed here"),
        ("root: .., services: [../services]", "layout.services[0]: '../services' is not allowed here"),
        ("root: /srv", "layout.root: '/srv' is not allowed here"),
        ("root: .., service: [src/*]", "unknown key layout.service"),
    ],
)
def test_a_layout_that_cannot_be_meant_is_one_error_with_its_place(shop: Shop, layout: str, what: str) -> None:
    Shop(shop.root, layout)
    problem = shop.problems()[0]
    assert problem.what == what
    assert "infra/Pulumi.yaml:4:" in str(problem.where) or str(problem.where).endswith(":4:11")
    assert problem.remedy


def test_two_folders_of_one_name_are_an_error(shop: Shop) -> None:
    shop.service("src/orders")
    assert [problem.what for problem in shop.problems()] == ["services/orders and src/orders have one name, orders"]


def test_moorage_that_is_not_a_mapping_is_an_error(shop: Shop) -> None:
    shop.write("infra/Pulumi.yaml", "name: shop\nruntime: python\nmoorage: infra\n")
    assert [problem.what for problem in shop.problems()] == ["moorage is not a mapping"]


def test_what_others_wrote_is_no_part_of_it(shop: Shop) -> None:
    for folder in ("src/node_modules/other", "src/.cache/other"):
        shop.service(folder)
    assert set(shop.load().services) == {"orders", "sender"}


def test_services_of_another_project_are_not_misplaced(shop: Shop) -> None:
    shop.service("lambdas/resize")
    assert set(shop.load().services) == {"orders", "sender"}


def test_a_service_too_deep_for_its_glob_is_misplaced(shop: Shop) -> None:
    shop.service("services/team/resize")
    problem = shop.problems()[0]
    assert problem.what == "services/team/resize/service.yaml is not read"
    assert problem.remedy == "move services/team/resize to services/resize"


def test_nodes_are_looked_up_by_kind(shop: Shop) -> None:
    repository = read_repository(shop.program, [])
    assert [str(node) for node in repository.of_kind(Kind.service)] == ["services/orders", "src/mail/sender"]
    assert str(repository.node(Kind.service, "unknown")) == "services/unknown"
