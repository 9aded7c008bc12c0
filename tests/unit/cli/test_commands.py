"""The command line as users meet it: help for every command, one clear error for every mistake, never a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from typer.testing import CliRunner

from moorage.cli.endings import machine_problem
from moorage.cli.main import app

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo

MOORAGE = str(Path(sys.prefix) / "bin" / "moorage")


def commands(group: Any, *before: str) -> list[tuple[str, ...]]:
    """Return every command below a group as the words that a user types."""
    found: list[tuple[str, ...]] = [before]
    for name, command in getattr(group, "commands", {}).items():
        found += commands(command, *before, name)
    return found


COMMANDS = commands(typer.main.get_command(app))


def moorage(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line; `variables` are added to the environment."""
    return subprocess.run(
        [MOORAGE, *words],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(monorepo: Monorepo) -> Monorepo:
    """A monorepo that the command line takes for a checkout."""
    monorepo.write("Pulumi.yaml", "name: harbour\nruntime: python\n")
    monorepo.write("__main__.py", "")
    return monorepo


def test_every_command_of_the_makefile_and_the_readme_is_there() -> None:
    assert {" ".join(words) for words in COMMANDS} >= {
        "up",
        "preview",
        "down",
        "env",
        "doctor",
        *(f"platform {name}" for name in ("start", "stop", "status", "logs", "reset")),
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    usage, _, described = result.output.partition("\n")
    assert "Usage:" in usage + described
    assert len(described.split()) > 5


@pytest.mark.parametrize("command", ["up", "preview", "down", "env"])
def test_an_unknown_stack_ends_in_one_error(checkout: Monorepo, command: str) -> None:
    result = moorage(command, "dve", cwd=checkout.root)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "error Pulumi.dve.yaml: there is no stack dve",
        "  why stacks with settings: dev",
        "  fix did you mean dev?",
    ]
    assert not (checkout.root / ".moorage").exists()


def test_every_problem_of_the_files_is_shown_at_once(checkout: Monorepo) -> None:
    checkout.change("apps/backend/service.yaml", "port: 8000", "port: 80")
    checkout.change("apps/worker/service.yaml", "needs: [redis, backend]", "needs: [reddis]")
    result = moorage("preview", cwd=checkout.root)
    assert result.returncode == 1
    assert [line.split()[1] for line in result.stderr.splitlines() if line.startswith("error")] == [
        "apps/backend/service.yaml:6:7:",
        "apps/worker/service.yaml:15:9:",
    ]
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("apps/backend/service.yaml", "env:", "secrets: {KEY: signingKey}\nenv:"),
        ("Pulumi.dev.yaml", "  aws:region: eu-north-1", "  moorage:other: {secure: v1:x}"),
        ("apps/backend/service.yaml", "port: 8000", "prot: 8000"),
        ("apps/backend/service.yaml", "port: 8000", "port: [8000"),
    ],
    ids=["a secret that is not set", "a secret that nobody uses", "a slip in a service", "a broken service"],
)
def test_env_works_where_something_is_yet_to_be_put_right_with_it(
    checkout: Monorepo, path: str, old: str, new: str
) -> None:
    checkout.change(path, old, new)
    assert moorage("preview", cwd=checkout.root).returncode == 1
    result = moorage("env", cwd=checkout.root)
    assert result.returncode == 0
    assert result.stderr.startswith("made a passphrase for this checkout's secrets")
    assert moorage("env", cwd=checkout.root).stderr == ""
    assert "export PULUMI_STACK=dev\n" in result.stdout
    assert "export KUBECONFIG=" in result.stdout


def test_env_works_where_a_secret_stands_in_plain_text(checkout: Monorepo) -> None:
    checkout.change("apps/backend/service.yaml", "env:", "secrets: {KEY: signingKey}\nenv:")
    checkout.add("Pulumi.dev.yaml", "  moorage:signingKey: hunter2\n")
    assert "is in plain text" in moorage("preview", cwd=checkout.root).stderr
    result = moorage("env", cwd=checkout.root)
    assert result.returncode == 0
    assert result.stderr.startswith("made a passphrase for this checkout's secrets")
    assert moorage("env", cwd=checkout.root).stderr == ""
    assert "hunter2" not in result.stdout


def test_env_says_what_is_wrong_with_the_stack_itself(checkout: Monorepo) -> None:
    checkout.add("Pulumi.dev.yaml", "  moorage:protekt: true\n")
    result = moorage("env", cwd=checkout.root)
    assert (result.returncode, result.stdout) == (1, "")
    assert "did you mean moorage:protect?" in result.stderr


def test_data_cannot_be_kept_and_deleted(checkout: Monorepo) -> None:
    result = moorage("down", "--keep-data", "--unprotect", cwd=checkout.root)
    assert (result.returncode, result.stdout) == (2, "")
    assert "use one of them, not both" in result.stderr
    assert not (checkout.root / ".moorage").exists()


@pytest.mark.parametrize("value", ["", "0", "65536", "eighty", "²", "8080 ", "9" * 5000])
def test_a_port_that_is_none_is_refused(checkout: Monorepo, value: str) -> None:
    result = moorage("env", cwd=checkout.root, MOORAGE_HTTP_PORT=value)
    assert result.returncode == 1
    assert f"MOORAGE_HTTP_PORT={value} is not a port" in result.stderr
    assert "Traceback" not in result.stderr


def test_outside_of_a_checkout_there_is_one_error(tmp_path: Path) -> None:
    result = moorage("env", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error {tmp_path}: no Moorage project here\n")


def test_what_the_machine_refuses_is_an_error_and_no_traceback(checkout: Monorepo) -> None:
    checkout.write(".moorage", "a file where a folder should be")
    result = moorage("env", cwd=checkout.root)
    assert result.returncode == 1
    assert f"{checkout.root}/.moorage" in result.stderr
    assert "  fix " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "as its owner"),
        (errno.EROFS, "written to"),
        (errno.EIO, "doctor"),
    ],
)
def test_each_refusal_of_the_machine_has_its_remedy(number: int, remedy: str) -> None:
    problem = machine_problem(OSError(number, os.strerror(number), "/some/file"))
    assert (problem.what, problem.where) == (os.strerror(number), "/some/file")
    assert errno.errorcode[number] in str(problem.why)
    assert remedy in str(problem.remedy)


def test_a_refusal_without_a_number_is_told_as_well() -> None:
    problem = machine_problem(OSError("no such luck"))
    assert (problem.what, problem.where) == ("no such luck", "this machine")
    assert problem.remedy


def test_a_slip_in_the_settings_stops_an_update_before_anything_is_made(checkout: Monorepo) -> None:
    checkout.add("Pulumi.dev.yaml", "  moorage:protekt: true\n")
    result = moorage("up", "--yes", cwd=checkout.root)
    assert result.returncode == 1
    assert "did you mean moorage:protect?" in result.stderr
    assert not (checkout.root / ".moorage").exists()


def test_logs_are_those_of_the_parts_that_there_are(checkout: Monorepo) -> None:
    missing = moorage("platform", "logs", cwd=checkout.root)
    assert (missing.returncode, "moorage platform start" in missing.stderr) == (1, True)
    unknown = moorage("platform", "logs", "etdc", cwd=checkout.root)
    assert "unknown process etdc" in unknown.stderr
    checkout.write(".moorage/platform/logs/etcd.log", "one\ntwo\nthree\n")
    shown = moorage("platform", "logs", "etcd", "--lines", "2", cwd=checkout.root)
    assert (shown.returncode, shown.stdout) == (0, "two\nthree\n")


def test_the_status_of_a_platform_that_does_not_run_is_3(checkout: Monorepo) -> None:
    result = moorage("platform", "status", cwd=checkout.root)
    assert result.returncode == 3
    assert "not running" in result.stdout
