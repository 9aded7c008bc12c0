"""The committed JSON Schemas: current, valid, and of one mind with the models."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from moorage.config.fields import Model
from moorage.config.loader import load_project
from moorage.config.modelkeys import key_docstrings, known_keys
from moorage.config.sources import known_stacks
from moorage.config.yamlfile import parse_yaml, read_yaml
from tests.unit.config_samples import BACKEND, PATH, STACK, WORKER
from tools import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
FILES = {"service.schema.json": "apps/*/service.yaml", "image.schema.json": "images/*/image.yaml"}
FILES |= {"stack.schema.json": "Pulumi.?*.yaml", "project.schema.json": "Pulumi.yaml"}


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema.schemas()[name])


def models(parent: type[Model] = Model) -> Iterator[type[Model]]:
    for model in parent.__subclasses__():
        yield model
        yield from models(model)


def test_the_committed_schemas_are_current() -> None:
    assert schema.outdated(ROOT) == ()


@pytest.mark.parametrize("name", sorted(FILES))
def test_each_schema_is_itself_valid(name: str) -> None:
    Draft202012Validator.check_schema(schema.schemas()[name])


@pytest.mark.parametrize(("name", "pattern"), sorted(FILES.items()))
def test_the_repositorys_own_files_hold_to_their_schema(name: str, pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    errors = {
        f"{file}: {error.json_path}: {error.message}"
        for file in files
        for error in validator(name).iter_errors(read_yaml(file).data)
    }
    assert errors == set()


def test_every_stack_of_the_repository_loads() -> None:
    assert known_stacks(ROOT) == ("dev", "prod")
    for stack in known_stacks(ROOT):
        assert load_project(ROOT, stack).stack_name == stack


@pytest.mark.parametrize("stack", known_stacks(ROOT))
def test_a_stacks_file_names_its_schema_for_editors(stack: str) -> None:
    first = (ROOT / f"Pulumi.{stack}.yaml").read_text().splitlines()[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match is not None
    assert (ROOT / match[1]).is_file()


@pytest.mark.parametrize("model", list(dict.fromkeys(models())))
def test_every_key_is_described(model: type[Model]) -> None:
    assert model.__doc__
    assert [key for key in known_keys(model) if not key_docstrings(model).get(key)] == []


@pytest.mark.parametrize("text", [BACKEND, WORKER])
def test_the_samples_hold_to_the_schema_of_services(text: str) -> None:
    assert list(validator("service.schema.json").iter_errors(parse_yaml(text, PATH).data)) == []


@pytest.mark.parametrize(
    ("trail", "value"),
    [
        (("prot",), 1),
        (("port",), 80),
        (("port",), "8000"),
        (("kind",), "cron"),
        (("name",), "Back_End"),
        (("needs",), ["redis", "redis"]),
        (("env", "A-B"), "x"),
        (("env", "A"), 1),
        (("route", "path"), "api"),
        (("resources", "requests", "cpu"), "500Mi"),
        (("resources", "requests", "memory"), "512m"),
        (("scaling", "minReplicas"), 0),
        (("startupProbe", "exec"), {"command": []}),
        (("build", "dockerfile"), "/Dockerfile"),
    ],
)
def test_what_the_loader_refuses_in_one_value_an_editor_marks_too(trail: tuple[str, ...], value: object) -> None:
    data: Any = copy.deepcopy(parse_yaml(BACKEND, PATH).data)
    holder = data
    for part in trail[:-1]:
        holder = holder[part]
    holder[trail[-1]] = value
    assert len(list(validator("service.schema.json").iter_errors(data))) == 1


@pytest.mark.parametrize(
    ("key", "value", "valid"),
    [
        ("moorage:protect", True, True),
        ("moorage:protect", "true", True),
        ("moorage:protect", "yes", False),
        ("moorage:buildParallelism", "4", True),
        ("moorage:buildParallelism", 0, False),
        ("moorage:signingKey", {"secure": "v1:x"}, True),
        ("moorage:signingKey", "plain", False),
        ("moorage:protekt", True, False),
        ("kubernetes:context", "x", True),
        ("protect", True, False),
    ],
)
def test_the_schema_of_stacks_admits_other_namespaces_and_secrets(key: str, value: object, *, valid: bool) -> None:
    data = parse_yaml(STACK, PATH).data
    data["config"][key] = value
    assert validator("stack.schema.json").is_valid(data) is valid


def test_check_names_what_is_not_current_and_write_makes_it_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert schema.main(["--check"]) == 1
    assert schema.main(["--write"]) == 0
    assert schema.main(["--check"]) == 0
    stale = tmp_path / schema.FOLDER / "stack.schema.json"
    stale.write_text(json.dumps({}))
    capsys.readouterr()
    assert schema.main(["--check"]) == 1
    assert "docs/schema/stack.schema.json" in capsys.readouterr().err
