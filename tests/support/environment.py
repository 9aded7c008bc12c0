"""The environment that tests run in: what they need is set here, and nothing of a user's shell changes what they find."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
_KEPT = re.compile(
    "CI|HOME|PATH|TERM|XDG_CACHE_HOME|MOORAGE_(CACHE|TOOLCHAIN|PROPERTY_SEED|(HTTP|HTTPS|REGISTRY)_PORT)"
    # How this machine reaches the network, where not directly.
    "|((HTTP|HTTPS|ALL|NO)_PROXY|(http|https|all|no)_proxy)"
)
_OWN = {
    "LANG": "C.UTF-8",
    # Bytecode of hundreds of processes, out of the way of what images are built from.
    "PYTHONPYCACHEPREFIX": str(ROOT / ".moorage" / "pycache"),
    # As all other programs do: certificates are those that the machine trusts.
    "UV_SYSTEM_CERTS": "1",
}
UMASK = 0o022
_LOOPBACK = "127.0.0.1,::1,localhost,.localhost"
"""Never behind a proxy, as ``moorage env`` says as well."""


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that tests are given instead of ``environ``."""
    kept = {name: value for name, value in environ.items() if _KEPT.fullmatch(name)}
    for name in ("NO_PROXY", "no_proxy"):
        near = f"{environ.get('NO_PROXY') or environ.get('no_proxy') or ''},{_LOOPBACK}"
        kept[name] = ",".join(dict.fromkeys(filter(None, near.split(","))))
    programs = str(ROOT / ".venv" / "bin")
    folders = [folder for folder in kept.get("PATH", os.defpath).split(os.pathsep) if folder != programs]
    return {**kept, **_OWN, "PATH": os.pathsep.join([programs, *folders])}


def enter() -> None:
    """Have this process and those that it starts run in that environment."""
    found = bare(os.environ)
    os.environ.clear()
    os.environ.update(found)
    os.umask(UMASK)
