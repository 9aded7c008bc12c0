"""Aliases of ``tsconfig.json``: where ``paths`` and ``baseUrl`` lead an import that is not relative."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAMES = ("tsconfig.json", "jsconfig.json")
_STRING = r'"(?:\\.|[^"\\])*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(rf"{_STRING}|,(?=\s*[}}\]])")
_ENDINGS = ("", ".ts", ".tsx", ".mts", ".cts", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".json")
_SCRIPT_ENDING = re.compile(r"\.[mc]?jsx?$")
_OWN_FOLDER = "${configDir}"


@dataclass(frozen=True)
class _Options:
    """What of a configuration decides on aliases; paths are relative to the root."""

    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    base: str | None = None

    def candidates(self, module: str) -> Iterator[str]:
        """Yield the paths that a module may stand for, in TypeScript's order."""
        patterns = [pattern for pattern in self.paths if _matches(pattern, module)]
        if patterns:
            # Without a star first, then what has the longest beginning.
            pattern = max(patterns, key=lambda found: ("*" not in found, len(found.partition("*")[0])))
            before, _, after = pattern.partition("*")
            star = module[len(before) : len(module) - len(after)]
            yield from (posixpath.normpath(path.replace("*", star, 1)) for path in self.paths[pattern])
        elif self.base is not None:
            yield posixpath.normpath(posixpath.join(self.base, module))


@dataclass
class Aliases:
    """The aliases of all folders of a repository."""

    root: Path
    _folders: dict[str, tuple[_Options, ...]] = field(default_factory=dict)

    def path(self, file: str, module: str) -> str | None:
        """Return what an import of a file leads to by an alias, relative to the root; None where there is no alias.

        That is the first that exists; a name that is only looked for below ``baseUrl`` and is not there is no alias.
        """
        for options in self._of(posixpath.dirname(file)):
            found = list(options.candidates(module))
            for candidate in found:
                if self._exists(candidate):
                    return candidate
            if found and any(_matches(pattern, module) for pattern in options.paths):
                return found[0]
        return None

    def _of(self, folder: str) -> tuple[_Options, ...]:
        """Return what holds for the files of a folder: its own configuration, or that of the nearest folder above."""
        if folder not in self._folders:
            name = next((name for name in NAMES if (self.root / folder / name).is_file()), None)
            above = self._of(posixpath.dirname(folder)) if folder else ()
            self._folders[folder] = _Config(self.root, posixpath.join(folder, name)).all() if name else above
        return self._folders[folder]

    def _exists(self, path: str) -> bool:
        plain = _SCRIPT_ENDING.sub("", path)
        return any((self.root / f"{stem}{ending}").exists() for stem in {path, plain} for ending in _ENDINGS)


@dataclass(frozen=True)
class _Config:
    """One configuration file; one that cannot be read says nothing."""

    root: Path
    file: str
    """Relative to the root."""

    def all(self) -> tuple[_Options, ...]:
        """Return its own options, then those of the projects that it is made of."""
        found = [self.options(self._folder, ())]
        for reference in _list(self._content.get("references")):
            path = self._beside(str(reference.get("path"))) if isinstance(reference, dict) else ""
            if path:
                file = posixpath.join(path, NAMES[0]) if (self.root / path).is_dir() else path
                config = _Config(self.root, file)
                found.append(config.options(config._folder, ()))
        return tuple(found)

    def options(self, leaf: str, seen: tuple[str, ...]) -> _Options:
        """Return the options, inherited ones included; ``leaf`` is the folder of the file that inherits."""
        found = _Options()
        extends = self._content.get("extends")
        for name in (extends,) if isinstance(extends, str) else _list(extends):
            path = self._beside(str(name)) if str(name).startswith(".") else ""
            file = path if path.endswith(".json") else f"{path}.json"
            if path and file not in (*seen, self.file):
                above = _Config(self.root, file).options(leaf, (*seen, self.file))
                found = _Options(above.paths or found.paths, found.base if above.base is None else above.base)
        own = self._content.get("compilerOptions")
        options = own if isinstance(own, dict) else {}
        base, paths = found.base, options.get("paths")
        if isinstance(options.get("baseUrl"), str):
            base = self._beside(options["baseUrl"], leaf)
        if not isinstance(paths, dict):
            return _Options(found.paths, base)
        start = self._folder if base is None else base
        return _Options({str(key): tuple(self._paths(value, start, leaf)) for key, value in paths.items()}, base)

    def _paths(self, values: Any, start: str, leaf: str) -> Iterator[str]:
        for value in _list(values):
            yield posixpath.normpath(posixpath.join(start, str(value).replace(_OWN_FOLDER, f"/{leaf}"))).lstrip("/")

    @property
    def _folder(self) -> str:
        return posixpath.dirname(self.file)

    def _beside(self, path: str, leaf: str = "") -> str:
        return posixpath.normpath(posixpath.join(self._folder, path.replace(_OWN_FOLDER, f"/{leaf}"))).lstrip("/")

    @cached_property
    def _content(self) -> dict[str, Any]:
        try:
            text = (self.root / self.file).read_text(encoding="utf-8-sig")
            found = json.loads(_without(_LAST_COMMA, _without(_COMMENT, text)))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _without(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)


def _matches(pattern: str, module: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return module == pattern
    return len(module) >= len(before) + len(after) and module.startswith(before) and module.endswith(after)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
