"""What Pulumi has deployed so far. The engine tells a policy only what will be deployed, so this reads the stack's state.

A state in a folder is read directly; any other backend is asked through ``pulumi stack export``. Secrets stay encrypted.
The engine starts the pack in the program's folder, so what it says there of the backend counts here as well.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_SECONDS: Final = 30
"""For ``pulumi stack export``."""


def deployed(project: str, stack: str, organization: str = "") -> list[dict[str, Any]] | None:
    """Return the resources in the stack's state, an empty list for a new stack, None where it cannot be read."""
    backend = _backend()
    try:
        if backend.startswith("file://"):
            found = _from_folder(Path(unquote(urlsplit(backend).path)).expanduser(), project, stack)
        else:
            found = _exported(f"{organization}/{project}/{stack}" if organization else stack)
    except (OSError, ValueError, EOFError, AttributeError, subprocess.SubprocessError):
        return None
    if found is None:
        return []
    resources = found.get("resources") or []
    return [item for item in resources if isinstance(item, dict)] if isinstance(resources, list) else None


def _backend() -> str:
    """Return the URL of the backend as Pulumi finds it: of the environment, or of the last login.

    Empty where neither says it, or the project itself does: Pulumi then has to be asked.
    """
    given = os.environ.get("PULUMI_BACKEND_URL")
    if given:
        return given
    if _named_by_project():
        return ""
    home = os.environ.get("PULUMI_CREDENTIALS_PATH") or os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi"
    try:
        login = json.loads((Path(home) / "credentials.json").read_text(encoding="utf-8"))["current"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(login)


def _named_by_project() -> bool:
    """Tell whether the nearest Pulumi.yaml has a backend of its own, without a reader of YAML, which takes its time."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        for name in ("Pulumi.yaml", "Pulumi.yml"):
            if (folder / name).exists():
                return "backend" in (folder / name).read_text(encoding="utf-8")
    return False


def _from_folder(folder: Path, project: str, stack: str) -> dict[str, Any] | None:
    stem = folder / ".pulumi" / "stacks" / project / stack
    for path, opening in ((Path(f"{stem}.json"), open), (Path(f"{stem}.json.gz"), gzip.open)):
        if path.exists():
            with opening(path, "rb") as file:
                found: dict[str, Any] | None = json.loads(file.read())["checkpoint"]["latest"]
            return found
    return None


def _exported(stack: str) -> dict[str, Any] | None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_OPTION_")}
    command = ["pulumi", "stack", "export", "--stack", stack, "--non-interactive"]
    result = subprocess.run(
        command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=True
    )
    found: dict[str, Any] | None = json.loads(result.stdout)["deployment"]
    return found
