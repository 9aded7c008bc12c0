"""The Go compiler: whether one is here that can build the toolchain, and what its failures mean."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from moorage.platform.pins import Component

WANTED = (1, 26)
"""What the modules of the toolchain ask for."""
FETCHES_OTHERS = (1, 21)
"""From here on Go fetches the version that a module asks for, unless GOTOOLCHAIN forbids it."""
INSTALL = "https://go.dev/doc/install"
NETWORK = re.compile(
    r"timeout|timed out|connection re(set|fused)|unexpected EOF|: EOF|no such host|network is unreachable"
    r"|TLS handshake|50[0234] |stream error|temporary failure",
    re.IGNORECASE,
)
_UNTRUSTED = re.compile(r"x509: |certificate signed by unknown authority|certificate is not trusted")


def go_version() -> str | None:
    """Return the version of the ``go`` on PATH, such as ``1.26.8``; None where there is none that runs."""
    if shutil.which("go") is None:
        return None
    result = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/")
    return result.stdout.strip().removeprefix("go") or None


def unfit(version: str) -> str | None:
    """Return why this version of Go cannot build the toolchain; None where it can."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None:
        return None  # a version of the developer's own making
    found = (int(numbers[1]), int(numbers[2]))
    wanted = ".".join(map(str, WANTED))
    if found >= WANTED:
        return None
    if found < FETCHES_OTHERS:
        return f"the modules of the toolchain need Go {wanted}, which this one cannot download"
    setting = subprocess.run(["go", "env", "GOTOOLCHAIN"], capture_output=True, text=True, check=False, cwd="/")
    if setting.stdout.strip().partition("+")[0] == "local":
        return f"the modules of the toolchain need Go {wanted}, and GOTOOLCHAIN=local prevents this one from downloading it"
    return None


def require_go(found: str = "", instead: str = "") -> None:
    """Raise `MoorageError` where no Go can build the toolchain.

    ``found`` tells what else is here and does not fit, ``instead`` what to install rather than Go.
    """
    version = go_version()
    reason = "no program named go is on PATH" if version is None else unfit(version)
    if reason is None:
        return
    what = "Go is missing" if version is None else f"Go {version} is too old"
    remedy = f"install Go {'.'.join(map(str, WANTED))} or newer ({INSTALL})"
    raise MoorageError.of(
        f"{found}; {what}, which builds the toolchain" if found else f"{what}, which builds the toolchain",
        where="PATH",
        why=reason,
        remedy=f"{instead}, or {remedy}" if instead else remedy,
    )


def go_failed(component: Component, stderr: str, attempts: int) -> MoorageError:
    """Return the error for a Go command that failed, with the cause that its output tells."""
    lines = [line for line in stderr.strip().splitlines() if "go: downloading" not in line][-12:]
    text = "\n".join(lines)
    if "checksum mismatch" in text or "SECURITY ERROR" in text:
        why = "a module's content is not what go.sum pins"
        remedy = "stop here: the module proxy or the network serves a different module (see GOPROXY); `moorage doctor` shows which"
    elif _UNTRUSTED.search(text):
        why = "the module proxy's certificate is signed by an authority that this system does not trust"
        remedy = "add your company's certificate authority to the system's store (update-ca-certificates on Debian and Ubuntu)"
    elif re.search(r"410 Gone|404 Not Found|403 Forbidden", text):
        why = "the module proxy refused a module"
        remedy = "check that GOPROXY names a proxy that serves it"
    elif NETWORK.search(text):
        why = f"a download failed {attempts} times"
        remedy = "check the network and GOPROXY, then run the command again: it continues where it stopped"
    else:
        why = "the Go compiler stopped"
        remedy = "check `go version` (1.26 or newer) and free memory, then run the command again"
    return MoorageError.of(
        f"building {component.name} {component.version} failed",
        where=str(component.source),
        why=why,
        remedy=remedy,
        detail=lines,
    )
