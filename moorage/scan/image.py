"""An image, read out of its layers: every entry that a layer carries, and the file system that they add up to."""

from __future__ import annotations

import gzip
import posixpath
import stat
import tarfile
import tempfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Self

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from moorage.base.image_reference import ImageReference
    from moorage.base.registry import Manifest, Registry

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
"""A folder with this mark shows nothing of the layers below it."""
MAX_LINKS = 40
_IN_MEMORY_BYTES = 64_000_000
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file, folder or link; ``path`` is absolute, ``mode`` has the kind of file in it as `os.stat` gives it."""

    path: str
    mode: int
    uid: int
    gid: int
    size: int
    target: str = ""
    """Of a symbolic link as it is written, of a hard link as an absolute path."""
    layer: int = 0
    """Index of the layer that it is in."""
    position: int = -1
    """Index in that layer; -1 for a folder that no layer names, only its content."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)

    @property
    def executable(self) -> bool:
        """Whether anybody may run it."""
        return self.is_file and bool(self.mode & 0o111)


class Layer:
    """One unpacked layer, its files readable at any time until it is closed."""

    def __init__(self, digest: str, packed_bytes: int, file: IO[bytes]) -> None:
        """Read the list of a tar archive."""
        self.digest = digest
        self.packed_bytes = packed_bytes
        self._file = file
        file.seek(0, 2)
        self.unpacked_bytes = file.tell()
        file.seek(0)
        self._archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  # closed with the layer
        self.members = self._archive.getmembers()

    def entries(self, index: int) -> Iterator[Entry]:
        """Yield what the layer carries, whiteouts included."""
        for position, member in enumerate(self.members):
            yield _entry(member, index, position)

    def read(self, position: int) -> bytes:
        """Return the content of a file; of a hard link that of its target."""
        file = self._archive.extractfile(self.members[position])
        return file.read() if file else b""

    def close(self) -> None:
        """Give the disk space back."""
        self._archive.close()
        self._file.close()


def _entry(member: tarfile.TarInfo, layer: int, position: int) -> Entry:
    kinds = {
        tarfile.DIRTYPE: stat.S_IFDIR,
        tarfile.SYMTYPE: stat.S_IFLNK,
        tarfile.CHRTYPE: stat.S_IFCHR,
        tarfile.BLKTYPE: stat.S_IFBLK,
        tarfile.FIFOTYPE: stat.S_IFIFO,
    }
    target = absolute(member.linkname) if member.type == tarfile.LNKTYPE else member.linkname
    return Entry(
        path=absolute(member.name),
        mode=kinds.get(member.type, stat.S_IFREG) | stat.S_IMODE(member.mode),
        uid=member.uid,
        gid=member.gid,
        size=member.size,
        target=target,
        layer=layer,
        position=position,
    )


def absolute(name: str) -> str:
    """Return the path of an archive's member as it is in the image."""
    return posixpath.normpath("/" + name.lstrip("/"))


@dataclass(kw_only=True)
class Image:
    """One image with its layers at hand; a context manager that closes them."""

    name: str
    digest: str
    config: dict[str, Any]
    layers: list[Layer] = field(repr=False)
    files: dict[str, Entry] = field(repr=False, default_factory=dict)
    """What a container sees, by absolute path."""

    def __post_init__(self) -> None:
        """Lay the layers over each other."""
        for index, layer in enumerate(self.layers):
            _lay(self.files, list(layer.entries(index)))

    @property
    def settings(self) -> Mapping[str, Any]:
        """What a container is started with, such as ``User``, ``Entrypoint`` and ``Env``."""
        found: Mapping[str, Any] = self.config.get("config") or {}
        return found

    @property
    def packed_bytes(self) -> int:
        """Size in the registry."""
        return sum(layer.packed_bytes for layer in self.layers)

    @property
    def unpacked_bytes(self) -> int:
        """Size on a node: all layers after decompression."""
        return sum(layer.unpacked_bytes for layer in self.layers)

    def read(self, entry: Entry) -> bytes:
        """Return a file's content; links are not followed."""
        return self.layers[entry.layer].read(entry.position) if entry.position >= 0 else b""

    def entries(self) -> Iterator[Entry]:
        """Yield every entry of every layer, also what a later layer hides: it can still be downloaded."""
        for index, layer in enumerate(self.layers):
            yield from layer.entries(index)

    def resolve(self, path: str) -> Entry | None:
        """Return what a path leads to, through symbolic links in any of its parts; None where it leads nowhere."""
        for _ in range(MAX_LINKS):
            step = self._step(path)
            if step is None or step == path:
                return self.files.get(path) if step else None
            path = step
        return None

    def _step(self, path: str) -> str | None:
        """Return the path with its first link replaced by where that leads; None where a part is missing."""
        parts = path.strip("/").split("/") if path != "/" else []
        here = ""
        for index, part in enumerate(parts):
            here = f"{here}/{part}"
            found = self.files.get(here)
            if found is None:
                return None
            if found.is_link:
                rest = "/".join(parts[index + 1 :])
                return absolute(posixpath.join(posixpath.dirname(here), found.target, rest))
        return path

    def close(self) -> None:
        """Close all layers."""
        for layer in self.layers:
            layer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lay(files: dict[str, Entry], entries: list[Entry]) -> None:
    """Put a layer's entries over what is there: whiteouts first, as they are about the layers below only."""
    hidden = {posixpath.dirname(entry.path) for entry in entries if entry.name == OPAQUE}
    gone = {
        posixpath.join(posixpath.dirname(entry.path), entry.name.removeprefix(WHITEOUT))
        for entry in entries
        if entry.name.startswith(WHITEOUT) and entry.name != OPAQUE
    }
    # A file or link in the place of a folder takes the folder's content away.
    gone |= {entry.path for entry in entries if not entry.is_dir and entry.path in files and files[entry.path].is_dir}
    if hidden or gone:
        for path in [path for path in files if _below(path, hidden, gone)]:
            del files[path]
    for entry in entries:
        if entry.name.startswith(WHITEOUT):
            continue
        linked = files.get(entry.target) if entry.target and entry.is_file else None
        files[entry.path] = _linked(entry, linked) if linked else entry
        for parent in _parents(entry.path):
            files.setdefault(
                parent, Entry(path=parent, mode=stat.S_IFDIR | 0o755, uid=0, gid=0, size=0, layer=entry.layer)
            )


def _linked(entry: Entry, target: Entry) -> Entry:
    """Return a hard link as the file that it is another name of."""
    return Entry(
        path=entry.path,
        mode=target.mode,
        uid=target.uid,
        gid=target.gid,
        size=target.size,
        layer=target.layer,
        position=target.position,
    )


def _parents(path: str) -> Iterator[str]:
    parent = posixpath.dirname(path)
    while parent != "/":
        yield parent
        parent = posixpath.dirname(parent)


def _below(path: str, hidden: set[str], gone: set[str]) -> bool:
    return path in gone or any(parent in gone or parent in hidden for parent in _parents(path)) or "/" in hidden


def open_image(registry: Registry, manifest: Manifest, name: str) -> Image:
    """Download an image's config and layers.

    Raises `MoorageError` where that fails or a layer is of a kind that cannot be read.
    """
    reference = manifest.reference
    if "layers" not in manifest.data or "config" not in manifest.data:
        raise MoorageError.of(
            "not an image",
            where=str(reference),
            why=f"its manifest is of type {manifest.data.get('mediaType', 'unknown')} and has no layers",
            remedy="check the reference: charts and caches live in registries as well",
        )
    config = registry.document(reference, manifest.data["config"]["digest"])
    layers: list[Layer] = []
    try:
        for layer in manifest.data["layers"]:
            with registry.blob(reference, layer["digest"]) as packed:
                file = _unpacked(packed, layer["mediaType"], reference)
            layers.append(Layer(layer["digest"], layer["size"], file))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        for opened in layers:
            opened.close()
        raise MoorageError.of(
            "a layer cannot be read",
            where=str(reference),
            why=str(error) or type(error).__name__,
            remedy="build and push the image again",
        ) from None
    return Image(name=name, digest=manifest.digest, config=config, layers=layers)


def _unpacked(packed: IO[bytes], media_type: str, reference: ImageReference) -> IO[bytes]:
    if media_type.endswith("zstd"):
        raise MoorageError.of(
            "a layer is compressed with zstd, which is not read here",
            where=str(reference),
            why="Moorage's own images are compressed with gzip",
            remedy="build the image with compression=gzip to have it checked",
        )
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  # for the caller to close
    source: IO[bytes] = gzip.GzipFile(fileobj=packed, mode="rb") if media_type.endswith("gzip") else packed  # type: ignore[assignment]
    while chunk := source.read(_CHUNK_BYTES):
        file.write(chunk)
    return file
