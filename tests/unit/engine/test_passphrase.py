"""Which passphrase encrypts a stack's secrets, for every environment, backend and secrets provider."""

from __future__ import annotations

import os
from itertools import product
from typing import TYPE_CHECKING

import pytest

from moorage.base.errors import MoorageError
from moorage.engine import passphrase
from tests.unit.session_samples import session

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.engine.session import Session

TEXT, FILE = passphrase.TEXT, passphrase.FILE
BUCKETS = ("s3://bucket?region=eu-north-1", "gs://bucket", "azblob://box", "file:///elsewhere", "postgres://db/state")
CLOUDS = ("https://api.pulumi.com", "https://pulumi.example.com", "http://127.0.0.1:8080")
KEY_SERVICES = ("awskms://alias/key?region=eu-north-1", "gcpkms://key", "azurekeyvault://v/keys/k", "hashivault://k")
SALT = "encryptionsalt: v1:abc\n"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No login, and nothing of Pulumi's in the environment."""
    for name in list(os.environ):
        if name.startswith("PULUMI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def stack(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, backend: str = "", settings: str = "", **variables: str
) -> Session:
    """Return the session of a stack with a backend (its own for none), settings and variables."""
    (root / "Pulumi.yaml").write_text("name: quay\n")
    (root / "Pulumi.dev.yaml").write_text(f"{settings}config: {{}}\n")
    if backend:
        monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return session(root)


def given(exports: dict[str, str]) -> set[str]:
    return {TEXT, FILE} & exports.keys()


BLANKS = ("", " ", "\n", "\t \n")
NEEDING = (
    ("", ""),
    ("", "secretsprovider: passphrase\n"),
    *((backend, settings) for backend in BUCKETS for settings in ("", SALT, "secretsprovider: default\n")),
    *((backend, settings) for backend in CLOUDS for settings in (SALT, "secretsprovider: passphrase\n")),
)
NOT_NEEDING = (
    *((backend, "") for backend in CLOUDS),
    *((backend, "secretsprovider: default\n") for backend in CLOUDS),
    *((backend, f"secretsprovider: {key}\n") for backend, key in product(("", *BUCKETS, CLOUDS[0]), KEY_SERVICES)),
)


@pytest.mark.parametrize(("backend", "settings"), NEEDING)
@pytest.mark.parametrize("variable", ["text", "file", "its content"])
def test_an_empty_passphrase_is_an_error_wherever_one_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, settings: str, variable: str
) -> None:
    for blank in BLANKS:
        (tmp_path / "theirs").write_text(blank)
        variables = {"text": {TEXT: blank}, "file": {FILE: blank}, "its content": {FILE: str(tmp_path / "theirs")}}
        found = stack(tmp_path, monkeypatch, backend=backend, settings=settings, **variables[variable])
        with pytest.raises(MoorageError, match="passphrase of the stack's secrets is empty") as caught:
            found.exports()
        (told,) = caught.value.problems
        assert told.remedy
        assert not (tmp_path / ".moorage/passphrase").exists()


def test_an_empty_text_hides_the_file_from_pulumi_and_is_an_error_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "theirs").write_text("correct horse")
    found = stack(tmp_path, monkeypatch, **{TEXT: "", FILE: str(tmp_path / "theirs")})
    with pytest.raises(MoorageError, match="is empty"):
        found.exports()


@pytest.mark.parametrize(("backend", "settings"), NEEDING)
@pytest.mark.parametrize("variable", [TEXT, FILE])
def test_a_passphrase_of_the_users_own_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, settings: str, variable: str
) -> None:
    (tmp_path / "theirs").write_text("correct horse")
    found = stack(tmp_path, monkeypatch, backend=backend, settings=settings, **{variable: str(tmp_path / "theirs")})
    assert not given(found.exports())
    assert not (tmp_path / ".moorage/passphrase").exists()


@pytest.mark.parametrize(("backend", "settings"), [case for case in NEEDING if case[0]])
def test_a_random_one_is_never_made_for_a_backend_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, settings: str
) -> None:
    found = stack(tmp_path, monkeypatch, backend=backend, settings=settings)
    with pytest.raises(MoorageError, match="stack dev has no passphrase") as caught:
        found.exports()
    (told,) = caught.value.problems
    assert told.where == backend
    assert TEXT in str(told.remedy)
    assert "secretsprovider" in str(told.remedy)
    assert not (tmp_path / ".moorage/passphrase").exists()


def test_one_that_an_earlier_version_made_for_a_backend_elsewhere_is_pointed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / ".moorage/passphrase"
    left.parent.mkdir()
    left.write_text("random\n")
    with pytest.raises(MoorageError, match=f"export {FILE}={left}"):
        stack(tmp_path, monkeypatch, backend="s3://bucket").exports()


@pytest.mark.parametrize(("backend", "settings"), NOT_NEEDING)
@pytest.mark.parametrize("variables", [{}, {TEXT: ""}, {FILE: ""}])
def test_where_a_key_service_or_pulumi_cloud_encrypts_none_is_asked_for_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, settings: str, variables: dict[str, str]
) -> None:
    found = stack(tmp_path, monkeypatch, backend=backend, settings=settings, **variables)
    assert not given(found.exports())
    assert not (tmp_path / ".moorage/passphrase").exists()


def test_for_the_checkouts_own_state_one_is_made_and_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = stack(tmp_path, monkeypatch)
    path = found.exports()[FILE]
    told = capsys.readouterr().err
    assert path in told
    assert "made a passphrase" in told
    assert found.exports()[FILE] == path
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["dev.json", "prod.json", "dev.json.gz"])
@pytest.mark.parametrize("content", [None, "", " \n"])
def test_no_other_one_takes_the_place_of_one_that_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None
) -> None:
    path = tmp_path / ".moorage/state/.pulumi/stacks/quay" / name
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    lost = tmp_path / ".moorage/passphrase"
    if content is not None:
        lost.write_text(content)
    with pytest.raises(MoorageError, match="passphrase of this checkout's stacks is missing") as caught:
        stack(tmp_path, monkeypatch).exports()
    assert "copy" in str(caught.value.problems[0].remedy)
    assert lost.exists() == (content is not None)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (str(tmp_path / "none"), str(tmp_path)):
        with pytest.raises(MoorageError, match="cannot be read") as caught:
            stack(tmp_path, monkeypatch, **{FILE: name}).exports()
        assert caught.value.problems[0].where == name


def test_a_wrong_one_has_a_remedy_that_names_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TEXT, "hunter2")
    (told,) = passphrase.wrong("dev", tmp_path).problems
    assert TEXT in str(told.where)
    assert "hunter2" not in str(told)
    assert "copy" in str(told.remedy)
