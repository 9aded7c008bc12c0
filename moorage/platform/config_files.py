"""Files that the platform writes for its processes and for builds, and the paths that flags name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moorage.base.authorities import machine_authorities
from moorage.base.files import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.platform.layout import Layout
    from moorage.platform.pki import Pki

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class ConfigFiles:
    """Writes configuration files; ``debian`` is the folder of unpacked Debian packages."""

    layout: Layout
    pki: Pki
    debian: Path

    @property
    def folder(self) -> Path:
        """Folder of configuration files."""
        return self.layout.data / "config"

    def bin(self, name: str) -> str:
        """Return the path of a program of the toolchain."""
        return str(self.layout.bin / name)

    def path(self) -> dict[str, str]:
        """Return a PATH that finds the toolchain before the system's programs."""
        return {"PATH": f"{self.layout.bin}:{SYSTEM_PATH}"}

    def json(self, name: str, content: dict[str, Any]) -> Path:
        """Write a JSON file, which is YAML as well, and return its path."""
        return self.text(name, json.dumps(content, indent=2))

    def text(self, name: str, content: str) -> Path:
        """Write a file unless it already says just that, and return its path."""
        path = self.folder / name
        if not path.exists() or path.read_text() != content:
            write_atomic(path, content)
        return path


def own_authorities(layout: Layout) -> Path | None:
    """Write the machine's own certificate authorities into one file and return its path; None where there are none."""
    path = layout.data / "authorities.pem"
    if text := machine_authorities():
        write_atomic(path, text)
        return path
    path.unlink(missing_ok=True)
    return None
