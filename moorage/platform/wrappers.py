"""Programs that are written rather than linked: Pulumi with its surroundings, and what its Python host runs of uv."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.base.files import write_atomic

if TYPE_CHECKING:
    from moorage.platform.layout import Layout

_PULUMI = """#!{python} -IS
# Pulumi as it is, but for two things. Where stacks are kept in this checkout, the salt of their passphrase, which Pulumi
# copies from the state into Pulumi.<stack>.yaml at every preview, is taken out again: it is of use to no other clone.
# Quotes that Pulumi puts around values when it saves the file go with it; what anyone else changes meanwhile stays.
# And the Python processes of an update find bytecode and interpreter without a search: that is half of a second each;
# uv, which prepares them, is the one below, and trusts the certificate authorities of the system.
import glob, os, signal, subprocess, sys

def stack_files():
    found = {{}}
    for path in glob.glob(glob.escape({root!r}) + "/Pulumi.*.yaml"):
        with open(path) as file:
            found[path] = file.readlines()
    return found

def environment():
    found = {{"UV_PYTHON": sys._base_executable, "UV_SYSTEM_CERTS": "1"}} | os.environ
    if found.pop("PYTHONDONTWRITEBYTECODE", ""):
        found.setdefault("PYTHONPYCACHEPREFIX", {home!r} + "/pycache")
    found["PATH"] = {host!r} + os.pathsep + found.get("PATH", os.defpath)
    return found

before = stack_files()
process = subprocess.Popen([{pulumi!r}, *sys.argv[1:]], env=environment())
# A terminal sends Ctrl-C to both of us, anyone else's request to end comes here alone.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
status = process.wait()
if os.environ.get("PULUMI_BACKEND_URL") == "file://" + {home!r} + "/state":
    for path, lines in stack_files().items():
        kept = [line for line in lines if not line.startswith("encryptionsalt: ")]
        old = before.get(path, [])
        if [line.replace('"', "") for line in kept] == [line.replace('"', "") for line in old]:
            kept = old
        if kept != lines:
            with open(path, "w") as file:
                file.writelines(kept)
sys.exit(status if status >= 0 else 128 - status)
"""
_UV = """#!/bin/sh
# Before it runs a program, Pulumi's Python host has uv bring its environment up to date. Newer hosts leave alone what else
# is installed there, such as the services' packages; this one would remove it.
[ "$*" != sync ] || set -- sync --inexact
exec {uv} "$@"
"""
_UVX = """#!{python} -I
# Pulumi's Python host asks `uvx pip` which packages an environment without pip has, and runs nothing before it knows.
# pip needs 0.8 s of processor time for that. The same list, read from the packages' metadata, takes a tenth of it.
import os, sys

def packages():
    import json
    from importlib.metadata import distributions
    for found in distributions():
        entry = {{"name": found.name, "version": found.version, "location": str(found.locate_file(""))}}
        origin = json.loads(found.read_text("direct_url.json") or "{{}}")
        if origin.get("dir_info", {{}}).get("editable"):
            entry["editable_project_location"] = origin["url"].removeprefix("file://")
        yield entry

def of_this_environment(python):
    return os.path.realpath(os.path.dirname(python)) == os.path.realpath(os.path.dirname({python!r}))

asked = sys.argv[1:]
wanted = ["pip", "--python", *asked[2:3], "list", "--format", "json", "-v"]
if asked == wanted and of_this_environment(asked[2]):
    import json
    json.dump(list(packages()), sys.stdout)
else:
    os.execv({uv!r}, [{uv!r}, "tool", "run", *asked])
"""


def write_wrappers(layout: Layout, pulumi: str) -> None:
    """Write them into the checkout; ``pulumi`` is the path of the one that is run.

    Pulumi itself goes where the checkout's programs are. What its host runs of uv is for Pulumi alone to find.
    """
    python = str(Path(sys.prefix) / "bin" / "python")
    host = layout.home / "host"
    own = layout.bin / "uv"
    uv = str(own) if own.exists() else shutil.which("uv") or str(own)
    texts = {
        layout.bin / "pulumi": _PULUMI.format(
            python=python, pulumi=pulumi, home=str(layout.home), root=str(layout.root), host=str(host)
        ),
        host / "uv": _UV.format(uv=shlex.quote(uv)),
        host / "uvx": _UVX.format(python=python, uv=uv),
    }
    for path, text in texts.items():
        if path.is_symlink() or not path.exists() or path.read_text() != text:
            write_atomic(path, text, mode=0o755)
