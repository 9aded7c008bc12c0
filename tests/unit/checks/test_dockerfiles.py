"""Dockerfiles held against service.yaml and the stacks: stages, ports, platforms, and a first look at a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import Location, Problem
from moorage.build.dockerfile import parse_dockerfile
from moorage.build.ignorefile import parse_ignore_file
from moorage.build.stages import load_dockerfile
from moorage.checks.allowlist import allow_list_text, context_inputs, takes
from moorage.checks.declarations import Findings, check_sources
from moorage.checks.stackwishes import read_wishes
from moorage.config.monorepo import Monorepo as Declared
from moorage.config.repository import read_repository
from moorage.config.sources import find_libs, read_images, read_services
from tests.unit.config_samples import BACKEND, STACK, Monorepo, changed

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTION = (
    "ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE} AS build\nFROM build AS production\nCOPY libs/harbour/a /a\nEXPOSE 8000\n"
)


class Sources(Monorepo):
    """A small monorepo whose sources are as declared."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.write("libs/harbour/a", "x")
        self.dockerfile(PRODUCTION)
        worker = "ARG PYTHON_IMAGE\nFROM ${PYTHON_IMAGE} AS production\nCOPY libs/harbour/a /a\n"
        self.write("apps/worker/Dockerfile", worker)
        self.write("images/python/Dockerfile", "ARG DEBIAN_IMAGE\nFROM ${DEBIAN_IMAGE}\n")
        for folder in ("apps/worker", "images/python", "images/debian", "apps/backend"):
            self.allow(folder)

    def dockerfile(self, text: str, *, allow: bool = True) -> None:
        self.write("apps/backend/Dockerfile", text)
        if allow:
            self.allow("apps/backend")

    def allow(self, folder: str) -> None:
        args = {"PYTHON_IMAGE": "p", "DEBIAN_IMAGE": "d"}
        read = [
            load_dockerfile(self.root / folder / "Dockerfile", args, platform)
            for platform in read_wishes(self.root).platforms
        ]
        self.write(f"{folder}/Dockerfile.dockerignore", allow_list_text(read_repository(self.root, []), read))

    def check(self) -> Findings:
        problems: list[Problem] = []
        repository = read_repository(self.root, problems)
        declared = Declared(
            repository=repository,
            services=read_services(repository, problems),
            images=read_images(repository, problems),
            libs=find_libs(repository),
        )
        assert problems == []
        return check_sources(declared)

    def places(self, problems: list[Problem]) -> list[str]:
        where = [problem.where for problem in problems if isinstance(problem.where, Location)]
        return [f"{each.file.removeprefix(f'{self.root}/')}:{each.line}" for each in where]


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


def test_sources_that_are_as_declared_have_nothing_to_tell(sources: Sources) -> None:
    assert sources.check() == Findings()


@pytest.mark.parametrize("stages", ["AS build\nFROM build AS prodution", "", "AS PRODUCTION2"])
def test_a_stage_that_is_missing_is_told_with_those_there_are(sources: Sources, stages: str) -> None:
    sources.dockerfile(f"ARG PYTHON_IMAGE\nFROM ${{PYTHON_IMAGE}} {stages}\nCOPY libs/harbour/a /a\n")
    (problem,) = sources.check().errors
    assert problem.what == "apps/backend is built up to the stage production, which its Dockerfile does not have"
    names = [line.rsplit(" ", 1)[1].lower() for line in stages.splitlines() if "AS" in line]
    assert len(problem.detail) == len(names)
    assert all(
        f"Dockerfile:{number}:1 {name}" in line
        for number, (name, line) in enumerate(zip(names, problem.detail, strict=True), 2)
    )
    if "prodution" in names:
        assert problem.remedy == "did you mean prodution?"


@pytest.mark.parametrize("target", ["0", "later", "Production2"])
def test_a_stage_that_service_yaml_or_a_stack_names_has_to_be_there(sources: Sources, target: str) -> None:
    sources.write("apps/backend/service.yaml", changed("bases: [python]", f"bases: [python]\n  target: '{target}'"))
    sources.write("Pulumi.dev.yaml", changed("replicas: 2", f"replicas: 2\n      target: '{target}'", STACK))
    found = sources.check().errors
    assert sources.places(found) == ["apps/backend/service.yaml:5", "Pulumi.dev.yaml:9"]
    sources.dockerfile(PRODUCTION.replace("AS production", "AS later\nFROM later AS production2"))
    assert bool(sources.check().errors) is (target == "0")


@pytest.mark.parametrize(
    "expose", ["EXPOSE 8080", "EXPOSE 8080/tcp", "ARG PORT=8080\nEXPOSE $PORT", "EXPOSE 8000 8080"]
)
def test_another_port_than_service_yamls_is_an_error(sources: Sources, expose: str) -> None:
    sources.dockerfile(PRODUCTION.replace("EXPOSE 8000", expose))
    (problem,) = sources.check().errors
    assert "8080" in problem.what
    assert problem.why == "the service listens on 8000"
    sources.dockerfile(PRODUCTION.replace("EXPOSE 8000", f"# moorage: ignore=expose-port told elsewhere\n{expose}"))
    # Above an ARG the comment is about that.
    assert bool(sources.check().errors) is expose.startswith("ARG")


@pytest.mark.parametrize("expose", ["EXPOSE 8000", "EXPOSE 8000/tcp", "ARG PORT=8000\nEXPOSE ${PORT}/tcp", ""])
def test_the_same_port_or_none_is_no_error(sources: Sources, expose: str) -> None:
    sources.dockerfile(PRODUCTION.replace("EXPOSE 8000", expose))
    assert sources.check() == Findings()


def test_a_port_of_a_service_without_one_is_a_warning(sources: Sources) -> None:
    text = (sources.root / "apps/worker/Dockerfile").read_text()
    sources.write("apps/worker/Dockerfile", f"{text}EXPOSE 9000\n")
    found = sources.check()
    assert found.errors == []
    assert [problem.why for problem in found.warnings] == ["service.yaml has no port"]


def test_a_first_look_at_a_dockerfile_tells_all_its_mistakes(sources: Sources) -> None:
    text = "FROM base-python\nCOPY missing /x\nCOPY apps/worker/x /y\nEXPOSE 1\n"
    sources.dockerfile(text, allow=False)
    (sources.root / "apps/backend/Dockerfile.dockerignore").unlink()
    words = [problem.what for problem in sources.check().errors]
    assert len(words) == 6
    for each in ("stage production", "names the base image", "missing does not exist", "belongs to apps/worker"):
        assert any(each in word for word in words), each
    assert "Dockerfile.dockerignore does not exist" in words


def test_what_is_no_instruction_is_told_all_at_once(sources: Sources) -> None:
    sources.dockerfile("FROMM x\nFROM x AS production\nCOPYY a b\nCOPY --chwon=1 a b\n", allow=False)
    assert sources.places(sources.check().errors) == [f"apps/backend/Dockerfile:{line}" for line in (1, 3, 4)]


def test_files_for_each_platform_of_the_stacks_are_asked_for(sources: Sources) -> None:
    text = PRODUCTION + "ARG TARGETARCH\nCOPY apps/backend/$TARGETARCH.toml /c\n"
    for architecture in ("amd64", "arm64"):
        sources.write(f"apps/backend/{architecture}.toml", "")
    sources.write("Pulumi.prod.yaml", "config:\n  moorage:platforms: [linux/amd64, linux/arm64]\n")
    sources.dockerfile(text)
    assert sources.check() == Findings()
    ignore = (sources.root / "apps/backend/Dockerfile.dockerignore").read_text()
    assert "!apps/backend/amd64.toml\n!apps/backend/arm64.toml\n" in ignore
    (sources.root / "apps/backend/arm64.toml").unlink()
    (problem,) = sources.check().errors
    assert problem.what == "apps/backend/arm64.toml does not exist"


@pytest.mark.parametrize(
    ("pattern", "file", "taken"),
    [
        ("COPY --parents a/**/*.ts", "a/x.ts", True),
        ("COPY --parents a/**/*.ts", "a/b/c/x.ts", True),
        ("COPY --parents a/**/*.ts", "a/b/x.js", False),
        ("COPY --parents ./a/./b/**", "a/b/c/d", True),
        ("COPY --parents=false a/**/x", "a/b/c/x", False),
        ("COPY a/*.ts", "a/x.ts", True),
        ("COPY a/*.ts", "a/b/x.ts", False),
        ("COPY a/*", "a/b/c", True),
        ("COPY a/?[bc]", "a/xb", True),
        ("COPY a/?[^bc]", "a/xb", False),
        ("COPY a", "a/b", True),
        ("COPY a", "ab", False),
    ],
)
def test_wildcards_are_matched_as_buildkit_does(sources: Sources, pattern: str, file: str, taken: bool) -> None:
    sources.dockerfile(f"FROM x\n{pattern} /to/\n", allow=False)
    (found,) = context_inputs([load_dockerfile(sources.root / "apps/backend/Dockerfile")])
    assert takes(found, file) is taken


def test_a_deep_wildcard_is_content_with_its_ignore_file(sources: Sources) -> None:
    for file in ("apps/backend/src/a.ts", "apps/backend/src/deep/b.ts"):
        sources.write(file, "")
    sources.dockerfile(PRODUCTION + "COPY --parents apps/backend/src/**/*.ts /src/\n")
    assert sources.check() == Findings()


def test_the_samples_are_what_they_are_meant_to_be() -> None:
    assert parse_dockerfile(PRODUCTION)
    assert parse_ignore_file(["*"]).is_allow_list
    assert "port: 8000" in BACKEND
