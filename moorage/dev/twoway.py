"""What a container wrote into a folder that comes back: it is written into the checkout."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.dev.link import Link
    from moorage.dev.tree import SourceTree


@dataclass
class Arrivals:
    """Writes what comes into the checkout, within the folders that a service declares and nowhere else."""

    root: Path
    home: Path
    tree: SourceTree
    folders: list[str]

    def apply(self, link: Link, operations: list[dict[str, Any]], content: bytes) -> Iterator[str]:
        """Apply a pod's own changes; yield what could not be."""
        start = 0
        for operation in operations:
            part = content[start : start + operation.get("size", 0)]
            start += len(part)
            name = operation["path"]
            source = self.tree.source_of(name)
            allowed = any(name == folder or name.startswith(f"{folder}/") for folder in self.folders)
            if source is None or not allowed or ".." in name.split("/"):
                yield f"{name} is not in a folder of develop.twoWay"
                continue
            try:
                self._apply(self.root / source, operation, part)
            except OSError as error:
                yield f"{source}: {error.strerror or error}"
                continue
            self.tree.refresh([source])
            self._remember(link, name)

    def _apply(self, path: Path, operation: dict[str, Any], content: bytes) -> None:
        if not path.parent.resolve().is_relative_to(self.root):
            raise OSError(f"{path.parent} leads out of the checkout")
        kind = operation["op"]
        if kind == "delete":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        elif kind == "folder":
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                path.unlink()
            path.mkdir(parents=True, exist_ok=True)
        elif kind == "mode":
            path.chmod(operation["mode"] & 0o777)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            aside = self._aside()
            aside.unlink(missing_ok=True)
            if kind == "link":
                aside.symlink_to(operation["target"])
            else:
                aside.write_bytes(content)
                aside.chmod(operation["mode"] & 0o777)
            aside.replace(path)

    def _aside(self) -> Path:
        folder = self.home / "dev"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"arriving-{os.getpid()}"

    def _remember(self, link: Link, name: str) -> None:
        """Take note that the pod has what it sent."""
        if link.have is None:
            return
        for known in [one for one in link.have if one == name or one.startswith(f"{name}/")]:
            if known not in self.tree.entries:
                del link.have[known]
        if name in self.tree.entries:
            link.have[name] = self.tree.entries[name]
