"""The files of a copy of the repository: what they are, and as they were again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

Files = dict[str, tuple[int, bytes]]
"""Mode and content of each file, by path; of a link what it says."""
_OF_TOOLS = {".moorage", ".venv", "__pycache__", "node_modules"}


def files_of(root: Path) -> Files:
    """Return all files of a folder but those that tools make."""
    found: Files = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _OF_TOOLS]
        for path in (Path(folder, name) for name in names):
            if path.name not in _OF_TOOLS:
                content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
                found[path.relative_to(root).as_posix()] = (path.lstat().st_mode, content)
    return found


def restore(root: Path, files: Files) -> None:
    """Have a folder hold these files as they were, and no others but those that tools make."""
    if (root / ".git").is_dir():
        shutil.rmtree(root / ".git")
    now = files_of(root)
    for path in now.keys() - files.keys():
        (root / path).unlink()
    for path, (mode, content) in files.items():
        if now.get(path) != (mode, content):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            assert not file.is_symlink(), f"{path} is a link, which no test changes"
            file.write_bytes(content)
            file.chmod(mode & 0o7777)
