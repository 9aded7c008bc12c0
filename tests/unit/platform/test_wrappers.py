"""The programs of a checkout that are written for it: what they change about Pulumi, and how they answer its host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from moorage.platform.layout import Layout
from moorage.platform.wrappers import write_wrappers
from tests.support.environment import ROOT

STACK_FILE = 'config:\n  moorage:protect: true\n  moorage:name: "a"\n'


@pytest.mark.parametrize(
    ("saved", "kept"),
    [
        (STACK_FILE.replace(" true", ' "true"') + "encryptionsalt: v1:x\n", STACK_FILE),
        (STACK_FILE + "  moorage:new: b\nencryptionsalt: v1:x\n", STACK_FILE + "  moorage:new: b\n"),
        (STACK_FILE, STACK_FILE),
    ],
    ids=["salt and quotes", "a setting that was set", "nothing"],
)
def test_pulumi_leaves_no_salt_in_stack_files_and_keeps_what_was_set(tmp_path: Path, saved: str, kept: str) -> None:
    layout = Layout.of(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text(STACK_FILE)
    (tmp_path / "saved").write_text(saved)
    pulumi = tmp_path / "real-pulumi"
    pulumi.write_text(f"#!/bin/sh\ncp {tmp_path}/saved {tmp_path}/Pulumi.dev.yaml\nexit 7\n")
    pulumi.chmod(0o755)
    write_wrappers(layout, str(pulumi))
    env = {"PULUMI_BACKEND_URL": f"file://{layout.home}/state"}
    assert subprocess.run([layout.bin / "pulumi", "up"], env=env, check=False).returncode == 7
    assert (tmp_path / "Pulumi.dev.yaml").read_text() == kept


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ({"PYTHONDONTWRITEBYTECODE": "1"}, "{home}/pycache"),
        ({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/somewhere"}, "/somewhere"),
        ({}, ""),
    ],
)
def test_the_python_of_an_update_keeps_its_bytecode_away_from_the_sources(
    tmp_path: Path, given: dict[str, str], prefix: str
) -> None:
    pulumi = tmp_path / "real" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text('#!/bin/sh\necho "${PYTHONDONTWRITEBYTECODE-unset}|$PYTHONPYCACHEPREFIX|$UV_PYTHON"\n')
    pulumi.chmod(0o755)
    layout = Layout.of(tmp_path)
    write_wrappers(layout, str(pulumi))
    environment = {"PATH": os.environ["PATH"]} | given
    shown = subprocess.check_output([layout.bin / "pulumi"], env=environment, text=True).strip()
    forbidden, cache, python = shown.split("|")
    assert forbidden == "unset"
    assert cache == prefix.format(home=layout.home)
    assert Path(python).samefile(sys.executable)


def listed(layout: Layout, python: str) -> subprocess.CompletedProcess[str]:
    """Ask for an environment's packages as Pulumi's Python host does."""
    command = [str(layout.home / "host" / "uvx"), "pip", "--python", python, "list", "--format", "json", "-v"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})


def test_the_host_is_told_the_packages_of_the_environment_that_uv_has_put_there(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path)
    write_wrappers(layout, "pulumi")
    told = json.loads(listed(layout, str(Path(sys.prefix) / "bin" / "python")).stdout)
    command = [str(ROOT / ".moorage/bin/uv"), "pip", "list", "--format=json", f"--python={sys.executable}"]
    there = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    assert {(re.sub(r"[-_.]+", "-", entry["name"]).lower(), entry["version"]) for entry in told} == {
        (entry["name"], entry["version"]) for entry in there
    }
    places = {entry["name"]: Path(entry["location"]) for entry in told}
    assert (places["pulumi_kubernetes"] / "pulumi_kubernetes" / "pulumi-plugin.json").is_file()
    editable = {entry["name"]: entry.get("editable_project_location") for entry in told}
    assert editable["moorage"] == str(ROOT)
    assert editable["pulumi"] is None


@pytest.mark.parametrize("arguments", [["ruff", "check"], ["pip", "--python", "/elsewhere/bin/python", "list"], []])
def test_everything_else_is_left_to_uv(tmp_path: Path, arguments: list[str]) -> None:
    layout = Layout.of(tmp_path)
    layout.bin.mkdir(parents=True)
    (layout.bin / "uv").write_text('#!/bin/sh\necho "$@"\n')
    (layout.bin / "uv").chmod(0o755)
    write_wrappers(layout, "pulumi")
    assert subprocess.check_output([str(layout.home / "host" / "uvx"), *arguments], text=True).split() == [
        "tool",
        "run",
        *arguments,
    ]


@pytest.mark.parametrize(
    ("arguments", "run"),
    [
        (["sync"], ["sync", "--inexact"]),
        (["sync", "--frozen"], ["sync", "--frozen"]),
        (["--version"], ["--version"]),
        (["run", "a b"], ["run", "a b"]),
    ],
)
def test_an_update_leaves_in_the_environment_what_the_program_does_not_ask_for(
    tmp_path: Path, arguments: list[str], run: list[str]
) -> None:
    layout = Layout.of(tmp_path / "it's")
    layout.bin.mkdir(parents=True)
    (layout.bin / "uv").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (layout.bin / "uv").chmod(0o755)
    pulumi = tmp_path / "pulumi"
    pulumi.write_text('#!/bin/sh\nexec uv "$@"\n')
    pulumi.chmod(0o755)
    write_wrappers(layout, str(pulumi))
    told = subprocess.check_output([str(layout.bin / "pulumi"), *arguments], text=True, env={"PATH": "/usr/bin:/bin"})
    assert told.splitlines() == run
