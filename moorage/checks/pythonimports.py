"""Imports of Python files, and the folders of the monorepo that hold what they name."""

from __future__ import annotations

import ast
import re
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moorage.config.graph import Node

Found = tuple[tuple[str, int], ...]
"""Modules, each with the line that imports it."""
UNREAD = ""
"""In place of a module: the line that this Python does not understand."""
_NAMES = ":"
"""Between a module and the names that are taken of it, each of which may be a module as well."""
_LINE = re.compile(r"[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+\(?([\w \t,]*)|import[ \t]+([\w., \t]+))")
_NO_CODE = frozenset(
    {"tests", "test", "docs", "doc", "scripts", "examples", "benchmarks", "build", "dist", "node_modules", "src"}
    | {"lib", "python", "__pycache__", "venv", "site-packages"}
)
_ROOTS = ("", "src", "lib", "python")


def python_imports(content: bytes) -> Found:
    """Return the modules that a Python file imports when it runs, in full, without its own package's relative ones.

    ``a:b,c`` stands for ``from a import b, c``. What is imported for type checkers alone does not count. A file that
    this Python does not understand is read line by line, and the line that it stops at is among the result as `UNREAD`.
    """
    try:
        waiting: list[ast.AST] = [ast.parse(content)]
    except (SyntaxError, ValueError) as error:
        return ((UNREAD, getattr(error, "lineno", None) or 1), *_line_by_line(content))
    found: list[tuple[str, int]] = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _is_for_types(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append((_NAMES.join((node.module, ",".join(alias.name for alias in node.names))), node.lineno))
        elif isinstance(node, ast.Call) and (name := _named_import(node)):
            found.append((name, node.lineno))
        waiting.extend(ast.iter_child_nodes(node))
    return tuple(sorted(set(found), key=lambda entry: (entry[1], entry[0])))


def _line_by_line(content: bytes) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), 1):
        match = _LINE.match(line)
        if match and match[1] and not match[1].startswith("."):
            names = ",".join(part.split()[0] for part in match[2].split(",") if part.strip())
            yield f"{match[1]}{_NAMES}{names}", number
        elif match and match[3]:
            yield from ((part.split()[0], number) for part in match[3].split(",") if part.strip())


def _is_for_types(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", None)) == "TYPE_CHECKING"


def _named_import(call: ast.Call) -> str | None:
    """Return the module of ``import_module("…")`` and ``__import__("…")``."""
    name = getattr(call.func, "id", getattr(call.func, "attr", None))
    first = call.args[0] if call.args else None
    if name in {"import_module", "__import__"} and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if not first.value.startswith(".") else None
    return None


def module_of(found: str) -> str:
    """Return the module of an entry, without the names that are taken of it."""
    return found.partition(_NAMES)[0]


@dataclass
class PythonCode:
    """Where the code of each node can be imported from: packages, modules, and folders without ``__init__.py``."""

    _tops: dict[str, list[tuple[Node, Path]]] = field(default_factory=dict)

    def add(self, node: Node, folder: Path) -> None:
        """Add what lies in a node's folder, or where its pyproject.toml says."""
        for root in dict.fromkeys(_source_roots(folder)):
            for name in _importable(root):
                self._tops.setdefault(name, []).append((node, root))

    def target(self, found: str, owner: Node | None) -> Node | None:
        """Return the node that an import of ``owner`` leads to: the one that has most of the name on disk.

        None for third parties, and for the part of a name that several nodes share.
        """
        module, _, names = found.partition(_NAMES)
        parts = module.split(".")
        best: dict[Node, tuple[int, bool]] = {}
        for node, root in self._tops.get(parts[0], ()):
            depths = [_depth(root, [*parts, name]) for name in names.split(",") if name] or [_depth(root, parts)]
            best[node] = max(best.get(node, (0, False)), *depths)
        if not best:
            return None
        most = max(best.values())
        nodes = [node for node, depth in best.items() if depth == most]
        return owner if owner in nodes else nodes[0] if len(nodes) == 1 or most[1] else None


def _depth(root: Path, parts: list[str]) -> tuple[int, bool]:
    """Return how many parts of a name are on disk below a root, and whether the last of them is code itself."""
    folder, code = root, False
    for count, part in enumerate(parts):
        if (folder / f"{part}.py").is_file():
            return count + 1, True
        folder /= part
        if not folder.is_dir():
            return count, code
        code = (folder / "__init__.py").is_file()
    return len(parts), code


def _importable(root: Path) -> Iterator[str]:
    with suppress(OSError):
        for path in root.iterdir():
            if path.suffix == ".py" and path.stem.isidentifier() and path.stem not in {"conftest", "setup"}:
                yield path.stem
            elif path.name.isidentifier() and path.name not in _NO_CODE and path.is_dir() and _has_code(path):
                yield path.name


def _has_code(folder: Path) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in ("*.py", "*/*.py", "*/*/*.py"))


def _source_roots(folder: Path) -> Iterator[Path]:
    """Yield the folders that a project's top-level names lie in."""
    yield from (folder / root for root in _ROOTS)
    project: dict[str, Any] = {}
    with suppress(OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    tools = _mapping(project.get("tool"))
    setuptools = _mapping(tools.get("setuptools"))
    listed = [_mapping(setuptools.get("package-dir")).get("")]
    listed += _list(_mapping(_mapping(setuptools.get("packages")).get("find")).get("where"))
    listed += [_mapping(entry).get("from") for entry in _list(_mapping(tools.get("poetry")).get("packages"))]
    listed.append(_mapping(_mapping(tools.get("uv")).get("build-backend")).get("module-root"))
    listed.append(_mapping(_mapping(tools.get("pdm")).get("build")).get("package-dir"))
    build = _mapping(_mapping(tools.get("hatch")).get("build"))
    wheel = _mapping(_mapping(build.get("targets")).get("wheel"))
    for options in (build, wheel):
        listed += [str(path).rpartition("/")[0] for path in _list(options.get("packages"))]
        listed += list(_mapping(options.get("sources"))) or _list(options.get("sources"))
    yield from (folder / path for path in listed if isinstance(path, str) and ".." not in path)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
