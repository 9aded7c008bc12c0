"""Images made of tar archives, as a registry would give their layers."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

from moorage.scan.image import Image, Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD = {
    "User": "10001:10001",
    "Entrypoint": ["/app/run"],
    "StopSignal": "SIGTERM",
    "ExposedPorts": {"8000/tcp": {}},
    "Labels": {f"org.opencontainers.image.{name}": "x" for name in ("title", "description", "licenses")},
}
PROGRAM: Mapping[str, Any] = {"app/": 0o755, "app/run": (b"#!/app/run\n", 0o755)}


def layer(members: Mapping[str, Any], *, uid: int = 0, gid: int = 0) -> Layer:
    """Return a layer: a name that ends in ``/`` is a folder; a value is content, content with mode, or a link's target."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, value in members.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.uid, info.gid = uid, gid
            content = b""
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, value
            elif isinstance(value, str):
                info.type, info.linkname = tarfile.SYMTYPE, value
            else:
                content, info.mode = value if isinstance(value, tuple) else (value, 0o644)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return Layer("sha256:0", len(file.getvalue()), file)


def image(*layers: Layer, history: str = "", **settings: Any) -> Image:
    """Return an image that breaks no rule but those of its layers and of the settings given."""
    config = {"config": {**GOOD, **settings}, "history": [{"created_by": history}]}
    return Image(name="sample", digest="sha256:1", config=config, layers=[layer(PROGRAM), *layers])
