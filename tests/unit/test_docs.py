"""The documents: every key, command, variable and example in them is one of the code's."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shlex
import threading
import tomllib
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.core import TyperGroup
from typer.main import get_command

import moorage.policy.rules  # noqa: F401  # registers every rule
from moorage.base.stage import DEVELOPMENT_NAMES
from moorage.build.ignorefile import read_ignore_file
from moorage.build.stages import load_dockerfile
from moorage.checks.allowlist import allow_list_patterns, differences
from moorage.cli.main import app
from moorage.config.fields import Model
from moorage.config.modelkeys import known_keys
from moorage.config.repository import read_repository
from moorage.config.service import BaseImage, Service, image_build_arg
from moorage.config.stackfile import read_stack
from moorage.config.validate import Source, validated
from moorage.config.yamlfile import parse_yaml
from moorage.platform.layout import Layout
from moorage.platform.pins import components
from moorage.platform.programs import NAMES
from moorage.policy.registry import PACK, Level
from moorage.policy.settings import configuration
from tests.support.parts import PARTS
from tests.unit.test_rooms import LAYERS
from tests.unit.tools.test_schema import models
from tools.reference import PAGE, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.base.errors import Problem
    from tests.unit.config_samples import Monorepo

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.md")
}
CONFIGURATION, GUIDE, PLATFORM = PAGES[str(PAGE)], PAGES["docs/adding-a-service.md"], PAGES["docs/platform.md"]
EACH_PAGE = pytest.mark.parametrize("page", sorted(PAGES))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_LINE = re.compile(r"# (\S+/\S+|Pulumi\.\S+)\n")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a language on a page."""
    return [body for found, body in _FENCE.findall(PAGES[page]) if found == language]


def files(page: str) -> list[tuple[str, str]]:
    """Return the files that a page shows, whole or in part: name, which is the block's first line, and text."""
    return [
        (match[1], body[match.end() :]) for _, body in _FENCE.findall(PAGES[page]) if (match := _FILE_LINE.match(body))
    ]


def first_files() -> dict[str, str]:
    """Return the example of the guide as it is before its last chapter adds to it."""
    return {name: text for name, text in reversed(files("docs/adding-a-service.md")) if name.startswith("apps/tides/")}


def table(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, each as its cells."""
    below = text[text.index(heading) :]
    lines = below[below.index("\n|") :].split("\n\n")[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def commands(page: str) -> Iterator[list[str]]:
    """Yield the commands on a page, in blocks and in running text, as words."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    for line in (*lines, *re.findall(r"`([^`\n]+)`", _FENCE.sub("", PAGES[page]))):
        for part in re.split(r"&&|\$\(|\)\"", line):
            words = shlex.split(part, comments=True) if part.count('"') % 2 == 0 else part.replace('"', " ").split()
            if len(words) > 1 and words[0].removeprefix(".venv/bin/") in {"make", "moorage", "tests/run"}:
                yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


def unknown_words(command: list[str]) -> list[str]:
    """Return what of a command the command line, the Makefile or the test runner does not know."""
    program, *words = command
    if program == "tests/run":
        return sorted(set(words) - PARTS.keys())
    if program == "make":
        targets = re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return [word for word in words if word not in targets and not re.fullmatch(r"STACK=\S+", word)]
    here: Any = get_command(app)
    rest = list(words)
    while rest and isinstance(here, TyperGroup):
        name = rest.pop(0)
        if "|" in name:
            return [one for one in name.split("|") if one not in here.commands]
        if name not in here.commands:
            return [name]
        here = here.commands[name]
    options = {option for parameter in here.params for option in parameter.opts} | {"--help"}
    # What follows -- is another program's.
    own = itertools.takewhile(lambda word: word != "--", rest)
    return [word for word in own if word.startswith("-") and word not in options]


def test_the_tables_of_configuration_are_what_the_models_say() -> None:
    assert render(CONFIGURATION) == CONFIGURATION, "run python -m tools.reference, and commit the result"


def test_every_key_of_every_model_is_in_the_tables() -> None:
    ours = [model for model in models(Model) if model.__module__.startswith("moorage.config.")]
    assert len(ours) > 15
    rows = {
        line.split("`")[1].removeprefix("moorage:") for line in CONFIGURATION.splitlines() if line.startswith("| `")
    }
    assert {key for model in ours for key in known_keys(model)} - rows == set()


@pytest.mark.parametrize(
    ("page", "name", "text"),
    [(page, name, text) for page in sorted(PAGES) for name, text in files(page) if name.endswith(".yaml")],
)
def test_a_configuration_that_is_shown_is_valid(page: str, name: str, text: str, tmp_path: Path) -> None:
    problems: list[Problem] = []
    if name.startswith("Pulumi."):
        missing = "" if "moorage:ingress" in text else "  moorage:ingress: {host: harbour.localhost}\n"
        (tmp_path / name).write_text(f"{text}{missing}")
        read_stack(tmp_path, name.split(".")[1], (), problems)
    else:
        document = parse_yaml(text, Path(name))
        model = BaseImage if name.startswith("images/") else Service
        whole = model is BaseImage or "name" in document.data
        base = {} if whole else parse_yaml(first_files()["apps/tides/service.yaml"], Path(name)).data
        validated(model, {**base, **document.data}, Source(document), problems)
    assert problems == []


def test_the_example_of_a_new_service_loads_as_part_of_a_monorepo(monorepo: Monorepo) -> None:
    for name, text in first_files().items():
        monorepo.write(name, text)
    project = monorepo.load()
    service = project.services["tides"]
    assert service.route is not None
    assert service.route.path == "/tides"
    assert project.order.index("python") < project.order.index("tides")
    tree = {name for name in re.findall(r"── (\S+)", GUIDE) if not name.endswith("/")}
    assert tree == {Path(name).name for name in first_files()}


def test_the_example_is_built_from_its_bases_in_the_stage_it_names_and_copies_what_it_may_see(tmp_path: Path) -> None:
    example = first_files()
    for name, text in example.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    service = Service.model_validate(
        parse_yaml(example["apps/tides/service.yaml"], Path("service.yaml")).data, by_alias=True
    )
    dockerfile = example["apps/tides/Dockerfile"]
    assert set(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE)) == {image_build_arg(b) for b in service.build.bases}
    assert f" AS {service.build.target}\n" in dockerfile
    bases = {image_build_arg(base): base for base in service.build.bases}
    copied = set(re.findall(r"^COPY (\S+)", dockerfile, re.MULTILINE))
    wanted = allow_list_patterns(
        read_repository(tmp_path, []), [load_dockerfile(tmp_path / "apps/tides/Dockerfile", bases)]
    )
    assert {f"!{source}" for source in copied} <= set(wanted)
    assert differences(read_ignore_file(tmp_path / "apps/tides/Dockerfile.dockerignore"), wanted) == ()
    assert tomllib.loads(example["apps/tides/pyproject.toml"])["project"]["name"] == service.name
    for name in (name for name in example if name.endswith(".py")):
        assert any(name.startswith(f"{source}/") for source in copied)


def test_the_process_of_the_example_answers_its_probes_and_its_route() -> None:
    module: dict[str, Any] = {"__name__": "tides"}
    source = first_files()["apps/tides/tides/__main__.py"]
    exec(compile(ast.parse(source), "tides", "exec"), module)
    with ThreadingHTTPServer(("127.0.0.1", 0), module["Tides"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False) as client:
            answers = [client.get(path) for path in ("/health", "/tides", "/no-such-page")]
        server.shutdown()
    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert answers[1].json()["water"] in {"rising", "falling"}


@EACH_PAGE
def test_every_command_that_is_shown_exists(page: str) -> None:
    wrong = {shlex.join(command): unknown for command in commands(page) if (unknown := unknown_words(command))}
    assert wrong == {}


def test_the_documents_do_show_commands() -> None:
    assert len([command for page in PAGES for command in commands(page)]) > 30
    assert unknown_words(["moorage", "platform", "halt"]) == ["halt"]
    assert unknown_words(["moorage", "up", "--force"]) == ["--force"]
    assert unknown_words(["make", "coffee"]) == ["coffee"]
    assert unknown_words(["tests/run", "unit", "coffee"]) == ["coffee"]


@EACH_PAGE
def test_every_link_within_the_repository_leads_somewhere(page: str) -> None:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", PAGES[page])):
        name, _, anchor = link.partition("#")
        if ":" in name:
            continue
        target = (ROOT / page).parent / name if name else ROOT / page
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if anchor and target.is_file() else []
        if not target.exists() or (anchor and anchor not in map(slug, headings)):
            dead.append(link)
    assert dead == []


def test_the_page_on_the_platform_has_every_process_and_every_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {name for row in table(PLATFORM, "## What runs where") for name in quoted(row[0])} == set(NAMES)
    sources = [path for room in ("moorage", "components") for path in (ROOT / room).rglob("*.py")]
    text = "".join(path.read_text() for path in (*sources, ROOT / "moorage" / "platform" / "bootstrap"))
    rows = {row[0].strip("`"): row[1].strip("`") for row in table(PLATFORM, "## Addresses and variables")}
    assert rows.keys() == set(re.findall(r"MOORAGE_[A-Z]+(?:_[A-Z]+)*", text))
    for name in rows:
        monkeypatch.delenv(name, raising=False)
    layout = Layout.of(ROOT)
    ports = {"HTTP": layout.http_port, "HTTPS": layout.https_port, "REGISTRY": layout.registry_port}
    assert {name: int(rows[f"MOORAGE_{name}_PORT"]) for name in ports} == ports


def test_the_page_on_ci_names_what_the_workflows_ask_for_and_nothing_else() -> None:
    text = "".join(path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    wanted = {
        (name, {"vars": "variable", "secrets": "secret"}[kind])
        for kind, name in re.findall(r"\b(vars|secrets)\.(\w+)", text)
    }
    rows = table(PAGES["docs/ci.md"], "**The environments.**")
    assert {(row[0].strip("`"), row[1]) for row in rows} == wanted
    assert {row[0].strip("`") for row in table(PAGES["docs/ci.md"], "# In CI")} == set(
        os.listdir(ROOT / ".github" / "workflows")
    )


def test_the_page_on_policies_has_the_packs_levels_stages_and_settings() -> None:
    page = PAGES["docs/policies.md"]
    assert PACK == "moorage"
    assert {row[0].strip("`") for row in table(page, "## Levels")} == set(Level)
    assert {f"`{name}`" for name in DEVELOPMENT_NAMES} <= set(re.findall(r"`\w+`", page))
    (settings,) = blocks("docs/policies.md", "json")
    assert configuration("prod", json.loads(settings)).levels["limit-empty-dirs"] is Level.DISABLED


def test_the_page_for_contributors_draws_the_rooms_that_there_are() -> None:
    rows = {row[0].strip("`").rstrip("/") for row in table(PAGES["CONTRIBUTING.md"], "## Rooms")}
    assert {f"moorage/{name}" for name in LAYERS} <= rows
    assert all((ROOT / name).exists() for name in rows)


def test_the_walk_of_an_up_and_its_picture_name_rooms_and_files_that_there_are() -> None:
    page, picture = PAGES["docs/walk-of-an-up.md"], (ROOT / "docs" / "walk-of-an-up.svg").read_text()
    steps = table(page, "# One")
    named = [name for row in steps for name in quoted(row[1])]
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [int(row[0]) for row in steps] == sorted(map(int, re.findall(r'class="number"[^>]*>(\d+)<', picture)))
    drawn = set(re.findall(r'class="name"[^>]*>(\w+)<', picture))
    files = [name for group in re.findall(r'data-files="([^"]*)"', picture) for name in group.split()]
    assert len(files) > 15
    roots = (ROOT / "moorage", ROOT)
    lost = [
        name for name in files if not any((root / name).is_dir() or (root / f"{name}.py").is_file() for root in roots)
    ]
    assert lost == []
    assert drawn - {"providers", "policy", "components"} == set(LAYERS) - {"scan", "ci", "dev", "observe"}


def test_the_changelog_knows_the_version_and_the_page_on_the_platform_that_of_kubernetes() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version in (ROOT / "CHANGELOG.md").read_text()
    (kubernetes,) = [component.version for component in components("platform") if component.name == "kubernetes"]
    assert f"Kubernetes {kubernetes.rpartition('.')[0]} " in PLATFORM
