"""Imports of Python and TypeScript files that lead from one folder of the monorepo to another."""

from __future__ import annotations

import hashlib
import json
import platform
import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.base.errors import Location, Problem
from moorage.base.files import read_cache, write_cache
from moorage.base.words import listed
from moorage.checks.pythonimports import UNREAD, PythonCode, python_imports
from moorage.checks.tsconfig import Aliases
from moorage.config.graph import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from moorage.checks.pythonimports import Found
    from moorage.config.graph import Node
    from moorage.config.repository import Repository

PYTHON = (".py",)
SCRIPT = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_GAP = r"(?:\s|/\*.*?\*/|//[^\n]*\n)*"
_SCRIPT_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    rf"|(?<![\w$.])(?:from|import|require){_GAP}\(?{_GAP}(?P<quote>[\"'`])(?P<name>(?:\\.|(?!(?P=quote))[^\\\n])*)(?P=quote)"
    r"|`(?:\\.|[^`\\])*`|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)
_VERSION = 2
_OTHERS = {
    ".go": "Go",
    ".rs": "Rust",
    ".java": "Java",
    ".kt": "Kotlin",
    ".cs": "C#",
    ".rb": "Ruby",
    ".php": "PHP",
    ".scala": "Scala",
    ".ex": "Elixir",
    ".swift": "Swift",
    ".cpp": "C++",
    ".cc": "C++",
    ".c": "C",
    ".dart": "Dart",
}
"""Languages whose imports are not read, by the endings of their files."""


@dataclass(frozen=True, order=True)
class Import:
    """``file`` uses code of the node ``target``."""

    file: str
    """Relative to the root."""
    line: int
    module: str
    target: Node


def script_imports(text: str) -> Found:
    """Return what a TypeScript or JavaScript file imports, re-exports or requires, as written."""
    return tuple(
        (token["name"], text.count("\n", 0, token.start("name")) + 1)
        for token in _SCRIPT_TOKEN.finditer(text)
        if token["name"] and not (token["quote"] == "`" and "${" in token["name"])
    )


@dataclass
class Packages:
    """Under which names the code of each node can be imported."""

    python: PythonCode = field(default_factory=PythonCode)
    script: dict[str, Node] = field(default_factory=dict)
    aliases: Aliases | None = None
    owner_of: Callable[[str], Node | None] = lambda _: None
    """The node whose folder a path lies in."""

    def target(self, file: str, module: str) -> Node | None:
        """Return the node that an import leads to; None for the standard library and for third parties."""
        if file.endswith(PYTHON):
            return self.python.target(module, self.owner_of(file))
        if module.startswith("."):
            return self.owner_of(posixpath.normpath(posixpath.join(posixpath.dirname(file), module)))
        alias = self.aliases.path(file, module) if self.aliases else None
        if alias is not None:
            return self.owner_of(alias)
        parts = module.split("/")
        return self.script.get("/".join(parts[:2]) if module.startswith("@") else parts[0])


def find_packages(repository: Repository) -> Packages:
    """Return what services and libraries can be imported as: Python code on disk, names in package.json."""
    packages = Packages(aliases=Aliases(repository.top), owner_of=repository.owner_of)
    for node in repository.nodes:
        folder = repository.top / node.folder
        if node.kind is Kind.image:
            continue
        packages.python.add(node, folder)
        with suppress(OSError, ValueError):
            name = json.loads((folder / "package.json").read_text()).get("name")
            if isinstance(name, str):
                packages.script[name] = node
    return packages


class ImportScanner:
    """Reads the imports of files, keeping what it found by content."""

    def __init__(self, root: Path, home: Path) -> None:
        """Remember what was found before in ``home``, where that can be read."""
        self._root = root
        self._path = home / "imports.json"
        self._kept: dict[str, Found] = {}
        self._found: dict[str, Found] = {}
        self._read: dict[str, Found] = {}
        self._kind = f"imports {_VERSION} {platform.python_version()}"
        for digest, found in (read_cache(self._path, self._kind) or {}).items():
            self._kept[digest] = tuple((name, line) for name, line in found)

    def imports(self, file: str) -> Found:
        """Return the imports of a file, given relative to the root; none for other languages."""
        return tuple(entry for entry in self._all(file) if entry[0] != UNREAD)

    def problems(self, files: Mapping[Node, Iterable[str]]) -> Iterator[Problem]:
        """Yield for each image the first of its Python files that this Python does not understand."""
        for node, paths in files.items():
            unread = [(path, line) for path in paths for name, line in self._all(path) if name == UNREAD]
            if unread:
                (path, line), more = unread[0], len(unread) - 1
                yield Problem(
                    what=f"the imports of {path}{f' and {more} more' if more else ''} may not all be found",
                    where=Location(file=str(self._root / path), line=line, column=1),
                    why=f"Python {platform.python_version()}, which runs Moorage, does not understand this line, so the "
                    f"file's imports are read line by line; it is part of {node}",
                    remedy="run Moorage with a Python as new as the service's, or correct the line",
                )

    def _all(self, file: str) -> Found:
        if file not in self._read:
            self._read[file] = self._imports(file) if file.endswith((*PYTHON, *SCRIPT)) else ()
        return self._read[file]

    def _imports(self, file: str) -> Found:
        try:
            content = (self._root / file).read_bytes()
        except OSError:
            return ()  # a link to nowhere
        kind = b"py" if file.endswith(PYTHON) else b"ts"
        digest = hashlib.blake2b(kind + content, digest_size=12).hexdigest()
        found = self._kept.get(digest)
        if found is None:
            found = python_imports(content) if kind == b"py" else script_imports(content.decode(errors="replace"))
        self._found[digest] = found
        return found

    def keep(self) -> None:
        """Keep what was found for the next time; where that cannot be written, the next time takes a little longer."""
        if self._found.keys() <= self._kept.keys():
            return
        write_cache(self._path, self._kind, self._found)


def unread_languages(files: Mapping[Node, Iterable[str]]) -> list[str]:
    """Return a sentence where images hold code of languages whose imports are not read; nothing where none does."""
    languages: set[str] = set()
    nodes = 0
    for paths in files.values():
        found = {_OTHERS[ending] for path in paths if (ending := posixpath.splitext(path)[1]) in _OTHERS}
        languages |= found
        nodes += bool(found)
    if not nodes:
        return []
    images = f"{nodes} image{'s' if nodes != 1 else ''}"
    return [
        f"imports of {images} in {listed(sorted(languages))} are not read: what they use is not held against what is declared"
    ]
