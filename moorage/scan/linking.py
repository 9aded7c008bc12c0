"""Rules about what programs need to start: their libraries, their loader or interpreter, and bytecode that fits."""

from __future__ import annotations

import io
import posixpath
import re
from typing import TYPE_CHECKING, Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from moorage.scan.finding import ImageFinding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.scan.image import Entry, Image

_ELF = b"\x7fELF"
_SYSTEM_FOLDERS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_MULTIARCH = {"EM_X86_64": "x86_64-linux-gnu", "EM_AARCH64": "aarch64-linux-gnu"}
# A short ASCII string of Python's marshal format, interned or not: its kind, its length, and a path of a source file.
_SOURCE_PATH = re.compile(rb"[\xda\xfaZz](?P<length>.)(?P<path>[\x20-\x7e]*?\.py)(?=[^\x20-\x7e]|.)", re.DOTALL)
_BYTECODE = re.compile(r"(?P<folder>.*)/__pycache__/(?P<stem>[^/]+?)\.[a-z]+-[0-9]+(\.opt-[12])?\.pyc")


def check_linking(image: Image) -> Iterator[ImageFinding]:
    """Yield programs and libraries that lack something that they need, and bytecode that was made somewhere else."""
    libraries = _Libraries(image)
    for entry in image.files.values():
        if not entry.is_file or entry.size == 0:
            continue
        bytecode = _BYTECODE.fullmatch(entry.path)
        if bytecode:
            yield from _bytecode(image, entry, f"{bytecode['folder']}/{bytecode['stem']}.py")
        elif entry.executable or ".so" in entry.name:
            content = image.read(entry)
            if content.startswith(_ELF):
                yield from libraries.missing(entry, content)
            elif entry.executable and content.startswith(b"#!"):
                yield from _interpreter(image, entry, content)


def _bytecode(image: Image, entry: Entry, source: str) -> Iterator[ImageFinding]:
    """Yield bytecode whose tracebacks would name a file that is not in the image, and show the builder's folders."""
    wanted = source.rpartition("/")[2].encode()
    for match in _SOURCE_PATH.finditer(image.read(entry)):
        path = match["path"]
        if match["length"][0] == len(path) and path.startswith(b"/") and path.rpartition(b"/")[2] == wanted:
            if path.decode() != source:
                why = f"it was compiled as {path.decode()}, a path of the build"
                yield ImageFinding(rule="no-foreign-bytecode", path=entry.path, why=why)
            return


def _interpreter(image: Image, entry: Entry, content: bytes) -> Iterator[ImageFinding]:
    line = content.split(b"\n", 1)[0][2:].decode(errors="replace").split()
    found = image.resolve(line[0]) if line else None
    if found is None or not found.executable:
        yield ImageFinding(
            rule="require-libraries", path=entry.path, why=f"its interpreter {' '.join(line)} does not exist"
        )


class _Libraries:
    """Finds libraries as the dynamic loader does."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._configured = _configured(image)

    def missing(self, entry: Entry, content: bytes) -> Iterator[ImageFinding]:
        """Yield the loader and the libraries that a program or library asks for and that do not exist."""
        try:
            elf: Any = ELFFile(io.BytesIO(content))
            interpreter, needed, runpaths = _dynamic(elf)
        except (ELFError, ValueError, KeyError, AssertionError) as error:
            yield ImageFinding(rule="require-libraries", path=entry.path, why=f"it is damaged: {error}")
            return
        if interpreter and self._image.resolve(interpreter) is None:
            yield ImageFinding(
                rule="require-libraries", path=entry.path, why=f"its loader {interpreter} does not exist"
            )
        folders = [*self._expanded(runpaths, entry), *self._configured, *self._system(elf)]
        for name in needed:
            if not self._found(name, folders):
                yield ImageFinding(
                    rule="require-libraries", path=entry.path, why=f"it needs {name}, which does not exist"
                )

    def _found(self, name: str, folders: list[str]) -> bool:
        if "/" in name:
            return self._image.resolve(name) is not None
        return any(self._image.resolve(posixpath.normpath(f"{folder}/{name}")) for folder in folders)

    def _expanded(self, runpaths: list[str], entry: Entry) -> list[str]:
        origin = posixpath.dirname(entry.path)
        paths = [path for text in runpaths for path in text.split(":") if path]
        return [path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for path in paths]

    def _system(self, elf: Any) -> list[str]:
        architecture = _MULTIARCH.get(elf["e_machine"], "")
        special = [f"/lib/{architecture}", f"/usr/lib/{architecture}"] if architecture else []
        return [*special, *_SYSTEM_FOLDERS, *self._environment()]

    def _environment(self) -> list[str]:
        variables = dict(entry.partition("=")[::2] for entry in self._image.settings.get("Env") or [])
        return [path for path in variables.get("LD_LIBRARY_PATH", "").split(":") if path]


def _dynamic(elf: Any) -> tuple[str, list[str], list[str]]:
    """Return the loader, the needed libraries and the folders that an ELF file names."""
    interpreter, needed, runpaths = "", [], []
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_INTERP":
            interpreter = segment.get_interp_name()
        if segment["p_type"] == "PT_DYNAMIC":
            for tag in segment.iter_tags():
                if tag.entry.d_tag == "DT_NEEDED":
                    needed.append(tag.needed)
                elif tag.entry.d_tag in {"DT_RUNPATH", "DT_RPATH"}:
                    runpaths.append(tag.runpath if tag.entry.d_tag == "DT_RUNPATH" else tag.rpath)
    return interpreter, needed, runpaths


def _configured(image: Image) -> list[str]:
    """Return the folders that the image's ``ld.so.conf`` files name."""
    paths = ["/etc/ld.so.conf", *sorted(path for path in image.files if path.startswith("/etc/ld.so.conf.d/"))]
    lines = [
        line.partition("#")[0].strip()
        for path in paths
        if (entry := image.files.get(path)) and entry.is_file
        for line in image.read(entry).decode(errors="replace").splitlines()
    ]
    return [line for line in lines if line.startswith("/")]
