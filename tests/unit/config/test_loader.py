"""Loading a stack: what comes of good files, and what is said of bad ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import Location

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

BACKEND, WORKER, STACK = "apps/backend/service.yaml", "apps/worker/service.yaml", "Pulumi.dev.yaml"


def test_a_project_holds_all_that_a_stack_consists_of(monorepo: Monorepo) -> None:
    project = monorepo.load()
    assert (project.root, project.stack_name, project.namespace) == (monorepo.root, "dev", "harbour-dev")
    assert set(project.services) == {"backend", "worker"}
    assert set(project.base_images) == {"python", "debian", "postgres", "redis", "rootfs-build"}
    assert project.libs == ("harbour",)
    shipped = ("rootfs-build", "postgres", "redis")
    assert project.order == (*shipped, "debian", "python", "backend", "worker")
    assert project.running == ("backend", "worker")
    assert project.url == "http://harbour.localhost:8080/"
    assert project.service_folder("backend") == monorepo.root / "apps/backend"
    assert project.image_folder("python") == monorepo.root / "images/python"


def test_an_order_of_needs_beats_the_alphabet(monorepo: Monorepo) -> None:
    monorepo.change(BACKEND, "[postgres, redis]", "[postgres, redis, frontend]")
    text = (monorepo.root / BACKEND).read_text().replace("name: backend", "name: frontend")
    monorepo.write("apps/frontend/service.yaml", text.replace("frontend]", "redis2]").replace(", redis2", ""))
    monorepo.change("apps/frontend/service.yaml", "path: /api", "path: /")
    monorepo.write("apps/frontend/Dockerfile", "")
    assert monorepo.load().running == ("frontend", "backend", "worker")


def test_what_a_stack_leaves_out_does_not_run(monorepo: Monorepo) -> None:
    monorepo.add(STACK, "    worker: {run: false}\n")
    project = monorepo.load()
    assert project.running == ("backend",)
    assert "apps/worker" in map(str, project.graph.nodes)


def test_a_stack_may_name_its_namespace(monorepo: Monorepo) -> None:
    monorepo.add(STACK, "  moorage:namespace: quay\n")
    assert monorepo.load().namespace == "quay"


def test_what_pulumi_stores_as_text_is_taken_for_what_it_means(monorepo: Monorepo) -> None:
    monorepo.add(STACK, '  moorage:protect: "true"\n  moorage:buildParallelism: "2"\n')
    settings = monorepo.load().settings
    assert (settings.protect, settings.build_parallelism) == (True, 2)


def test_tls_shows_in_the_url(monorepo: Monorepo) -> None:
    monorepo.change(
        STACK, "    host: harbour.localhost\n", "    host: harbour.localhost\n    tls: {selfSigned: true}\n"
    )
    assert monorepo.load().url == "https://harbour.localhost:8443/"


def test_a_secret_that_is_listed_and_set_is_left_to_pulumi(monorepo: Monorepo) -> None:
    monorepo.add(BACKEND, "secrets: {SIGNING_KEY: signingKey}\n")
    monorepo.add(STACK, "  moorage:signingKey: {secure: v1:abc}\n")
    assert monorepo.load().services["backend"].secrets == {"SIGNING_KEY": "signingKey"}


def test_folders_that_describe_nothing_are_no_services(monorepo: Monorepo) -> None:
    for file in ("apps/.cache/x", "apps/notes/readme.md", "libs/__pycache__/x", "libs/.ruff_cache/x", "libs/README.md"):
        monorepo.write(file, "")
    project = monorepo.load()
    assert (set(project.services), project.libs) == ({"backend", "worker"}, ("harbour",))


def test_an_unknown_stack_is_met_with_the_nearest_of_those_that_exist(monorepo: Monorepo) -> None:
    monorepo.write("Pulumi.prod.yaml", "")
    problem = monorepo.problem("prd")
    assert (problem.what, problem.why) == ("there is no stack prd", "stacks with settings: dev and prod")
    assert problem.remedy == "did you mean prod?"


def test_a_folder_without_services_is_no_monorepo(monorepo: Monorepo) -> None:
    for name in ("backend", "worker"):
        (monorepo.root / f"apps/{name}/service.yaml").unlink()
    assert "there is no service" in {problem.what for problem in monorepo.problems()}


def test_needs_in_a_circle_are_shown_as_their_path(monorepo: Monorepo) -> None:
    monorepo.change(WORKER, "kind: worker", "kind: web\nport: 8001")
    monorepo.change(BACKEND, "[postgres, redis]", "[redis, worker]")
    problem = monorepo.problem()
    assert problem.what == "apps/backend depends on itself: apps/backend -> apps/worker -> apps/backend"
    assert monorepo.place(problem) == f"{BACKEND}:20:16"


@pytest.mark.parametrize("name", ["postgres", "redis", "database", "python", "base-python"])
def test_a_name_that_is_taken_is_refused(monorepo: Monorepo, name: str) -> None:
    (monorepo.root / "apps/worker").rename(monorepo.root / f"apps/{name}")
    monorepo.change(f"apps/{name}/service.yaml", "name: worker", f"name: {name}")
    monorepo.change(f"apps/{name}/service.yaml", "[redis, backend]", "[backend]")
    assert f"the name {name} is taken" in {problem.what for problem in monorepo.problems()}


def test_a_secret_in_plain_text_is_refused_without_showing_it(monorepo: Monorepo) -> None:
    monorepo.add(BACKEND, "secrets: {SIGNING_KEY: signingKey}\n")
    monorepo.add(STACK, "  moorage:signingKey: hunter2\n")
    problem = monorepo.problem()
    assert problem.what == "the secret moorage:signingKey is in plain text"
    assert monorepo.place(problem) == f"{STACK}:10:3"
    assert "pulumi config set --secret moorage:signingKey --stack dev" in str(problem.remedy)
    assert "hunter2" not in str(problem)


def test_a_secret_of_a_service_with_other_errors_is_still_known(monorepo: Monorepo) -> None:
    monorepo.add(BACKEND, "secrets: {SIGNING_KEY: signingKey}\n")
    monorepo.change(BACKEND, "port: 8000", "prot: 8000")
    monorepo.add(STACK, "  moorage:signingKey: {secure: v1:abc}\n")
    assert [problem.what for problem in monorepo.problems()] == ["unknown key prot"]


def test_a_service_that_cannot_be_read_is_not_called_unknown(monorepo: Monorepo) -> None:
    monorepo.change(BACKEND, "kind: web", 'kind: "web')
    assert [monorepo.place(problem) for problem in monorepo.problems()] == [f"{BACKEND}:2:7"]


def test_a_stack_without_settings_lacks_its_host(monorepo: Monorepo) -> None:
    monorepo.write(STACK, "encryptionsalt: v1:abc\n")
    problem = monorepo.problem()
    assert (problem.what, problem.remedy) == (
        "the key moorage:ingress is missing",
        "add moorage:ingress: {host: harbour.example.com}",
    )


def test_a_stack_whose_name_makes_no_namespace_needs_one_of_its_own(monorepo: Monorepo) -> None:
    monorepo.write("Pulumi.My_Stack.yaml", (monorepo.root / STACK).read_text())
    problem = monorepo.problem("My_Stack")
    assert problem.what == "harbour-My_Stack cannot be the name of a namespace"
    assert "moorage:namespace" in str(problem.remedy)


def test_a_file_with_the_other_ending_is_pointed_out(monorepo: Monorepo) -> None:
    (monorepo.root / WORKER).rename(monorepo.root / "apps/worker/service.yml")
    problem = monorepo.problem()
    assert problem.remedy == "rename it to service.yaml"


def test_all_errors_of_all_files_are_reported_at_once_in_order(monorepo: Monorepo) -> None:
    monorepo.change(BACKEND, "port: 8000", "port: 80")
    monorepo.change(BACKEND, "LOG_LEVEL: INFO", "LOG_LEVEL: 1")
    monorepo.change(WORKER, "[redis, backend]", "[reddis]")
    monorepo.write("images/debian/image.yaml", "build: {}\nbuild: {}\n")
    monorepo.add(STACK, "  moorage:protekt: true\n")
    problems = monorepo.problems()
    assert [re.sub(r":.*", "", monorepo.place(problem)) for problem in problems] == [
        STACK,
        BACKEND,
        BACKEND,
        WORKER,
        "images/debian/image.yaml",
    ]
    assert all(isinstance(problem.where, Location) and problem.remedy for problem in problems)
