"""Imports of Python and TypeScript files that lead from one folder of the monorepo to another."""

from __future__ import annotations

import ast
import hashlib
import json
import posixpath
import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moorage.base.files import write_atomic
from moorage.checks.tsconfig import Aliases
from moorage.config.graph import Kind, Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PYTHON = (".py",)
SCRIPT = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_SCRIPT_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r"|(?<![\w$.])(?:from|import|require)\s*\(?\s*(?P<quote>[\"'])(?P<name>(?:\\.|(?!(?P=quote))[^\\\n])*)(?P=quote)"
    r"|`(?:\\.|[^`\\])*`|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)
_VERSION = 1
Found = tuple[tuple[str, int], ...]
"""Modules, each with the line that imports it."""


@dataclass(frozen=True, order=True)
class Import:
    """``file`` uses code of the node ``target``."""

    file: str
    """Relative to the root."""
    line: int
    module: str
    target: Node


def python_imports(text: str) -> Found:
    """Return the modules that a Python file imports when it runs, in full, without its own package's relative ones.

    What is imported for type checkers alone does not count. A file that does not parse imports nothing.
    """
    found: list[tuple[str, int]] = []
    try:
        waiting: list[ast.AST] = [ast.parse(text)]
    except (SyntaxError, ValueError):
        return ()
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_for_types(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append((node.module, node.lineno))
        elif isinstance(node, ast.Call) and (name := _named_import(node)):
            found.append((name, node.lineno))
        waiting.extend(ast.iter_child_nodes(node))
    return tuple(sorted(set(found), key=lambda entry: (entry[1], entry[0])))


def _is_for_types(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", None)) == "TYPE_CHECKING"


def _named_import(call: ast.Call) -> str | None:
    """Return the module of ``import_module("…")`` and ``__import__("…")``."""
    name = getattr(call.func, "id", getattr(call.func, "attr", None))
    first = call.args[0] if call.args else None
    if name in {"import_module", "__import__"} and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if not first.value.startswith(".") else None
    return None


def script_imports(text: str) -> Found:
    """Return what a TypeScript or JavaScript file imports, re-exports or requires, as written."""
    return tuple(
        (token["name"], text.count("\n", 0, token.start("name")) + 1)
        for token in _SCRIPT_TOKEN.finditer(text)
        if token["name"]
    )


@dataclass
class Packages:
    """Under which names the code of each node can be imported."""

    python: dict[str, Node] = field(default_factory=dict)
    script: dict[str, Node] = field(default_factory=dict)
    aliases: Aliases | None = None

    def target(self, file: str, module: str) -> Node | None:
        """Return the node that an import leads to; None for the standard library and for third parties."""
        if file.endswith(PYTHON):
            return self.python.get(module.split(".", 1)[0])
        if module.startswith("."):
            return owner_of(posixpath.normpath(posixpath.join(posixpath.dirname(file), module)))
        alias = self.aliases.path(file, module) if self.aliases else None
        if alias is not None:
            return owner_of(alias)
        parts = module.split("/")
        return self.script.get("/".join(parts[:2]) if module.startswith("@") else parts[0])


def owner_of(path: str) -> Node | None:
    """Return the node whose folder a path lies in, whether that exists or not."""
    parts = path.split("/", 2)
    kinds = {kind.value: kind for kind in Kind}
    return Node(kinds[parts[0]], parts[1]) if len(parts) > 1 and parts[0] in kinds else None


def find_packages(root: Path, nodes: tuple[Node, ...]) -> Packages:
    """Return the packages of services and libraries: Python packages and modules on disk, names in package.json."""
    packages = Packages(aliases=Aliases(root))
    for node in nodes:
        folder = root / str(node)
        if node.kind is Kind.image:
            continue
        if (folder / "pyproject.toml").exists():
            packages.python |= dict.fromkeys(_python_packages(folder), node)
        with suppress(OSError, ValueError):
            name = json.loads((folder / "package.json").read_text()).get("name")
            if isinstance(name, str):
                packages.script[name] = node
    return packages


def _python_packages(folder: Path) -> Iterator[str]:
    """Yield the importable names of a project: what its build takes, else what lies in its folder or ``src``."""
    project = {}
    with suppress(OSError, tomllib.TOMLDecodeError):
        project = tomllib.loads((folder / "pyproject.toml").read_text())
    listed = project.get("tool", {}).get("hatch", {}).get("build", {}).get("targets", {}).get("wheel", {})
    if isinstance(listed.get("packages"), list):
        yield from (str(path).rsplit("/", 1)[-1] for path in listed["packages"])
        return
    for parent in (folder, folder / "src"):
        if parent.is_dir():
            for path in parent.iterdir():
                if (path / "__init__.py").exists() and path.name != "tests":
                    yield path.name
                elif path.suffix == ".py" and path.stem.isidentifier() and path.stem != "conftest":
                    yield path.stem


class ImportScanner:
    """Reads the imports of files, keeping what it found by content."""

    def __init__(self, root: Path) -> None:
        """Remember what was found before, where that can be read."""
        self._root = root
        self._path = root / ".moorage" / "imports.json"
        self._kept: dict[str, Found] = {}
        self._found: dict[str, Found] = {}
        self._read: dict[str, Found] = {}
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self._path.read_text())
            if kept["version"] == _VERSION:
                self._kept = {
                    digest: tuple((name, line) for name, line in found) for digest, found in kept["files"].items()
                }

    def imports(self, file: str) -> Found:
        """Return the imports of a file, given relative to the root; none for other languages."""
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
            text = content.decode(errors="replace")
            found = python_imports(text) if kind == b"py" else script_imports(text)
        self._found[digest] = found
        return found

    def keep(self) -> None:
        """Keep what was found for the next time; where that cannot be written, the next time takes a little longer."""
        if self._found.keys() <= self._kept.keys():
            return
        with suppress(OSError):
            write_atomic(self._path, json.dumps({"version": _VERSION, "files": self._found}, separators=(",", ":")))
