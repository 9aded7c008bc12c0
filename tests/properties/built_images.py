"""Generated images: made of tar archives, built together by BuildKit, pushed, and looked at as the registry has them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from moorage.base.image_reference import ImageReference
from moorage.base.registry import Registry
from moorage.scan.check import check
from moorage.scan.finding import Expectation
from tests.properties.batch import judge_together, under_the_name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from moorage.scan.finding import ImageFinding
    from tests.support.workbench import Workbench

Example = TypeVar("Example")

USER = 10001
SEED_IMAGE = "debian:trixie-slim"
_LIBRARIES = "/.tools/usr/lib/x86_64-linux-gnu"
_MOUNT = "--mount=type=bind,from=tools,source=/,target=/.tools"
HEAD = f"FROM {SEED_IMAGE} AS tools\nFROM scratch"
TAIL = f"""LABEL org.opencontainers.image.title="x" org.opencontainers.image.description="x" org.opencontainers.image.licenses="x"
USER {USER}:{USER}
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app/run"]
"""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A file or folder of a layer."""

    path: str
    """Absolute."""
    mode: int = 0o644
    uid: int = 0
    content: bytes = b"x"
    folder: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one image is built."""

    layers: Sequence[Sequence[Node]] = ()
    instructions: Sequence[str] = ()
    """Of the last stage, after the layers."""
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    expectation: Expectation = field(default_factory=lambda: Expectation(user=USER, port=8000))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was said of an image, and its root file system as BuildKit itself exports it."""

    findings: tuple[ImageFinding, ...]
    root: Path

    def paths(self, *rules: str) -> set[str]:
        """Return the paths that break one of the rules."""
        return {finding.path for finding in self.findings if finding.rule in rules}


def run(program: str, *arguments: str, options: str = "") -> str:
    """Return a RUN instruction of an image without programs of its own: one of Debian's, which leaves no trace."""
    loader = f"{_LIBRARIES}/ld-linux-x86-64.so.2"
    words = [loader, "--library-path", _LIBRARIES, f"/.tools/usr/bin/{program}", *arguments]
    return f"RUN {_MOUNT} {options} {json.dumps(words)}"


def build(bench: Workbench, recipes: Sequence[Recipe], name: str, *, export: bool = False) -> list[Outcome]:
    """Build all images in one run of BuildKit, check them, and unpack them where they are to be looked at."""
    folder = bench.folder / name
    folder.mkdir()
    targets = {f"e{number}": _target(bench, folder, number, recipe, export) for number, recipe in enumerate(recipes)}
    bench.bake(targets, cwd=folder)
    registry = Registry(bench.environment)
    outcomes = []
    for number, recipe in enumerate(recipes):
        reference = ImageReference.parse(f"{bench.registry}/{name}:e{number}")
        (verdict,) = check(registry, reference, recipe.expectation)
        root = folder / f"root-{number}"
        if export:
            root.mkdir()
            command = ["tar", "--extract", "--same-permissions", f"--file={folder / f'export-{number}.tar'}"]
            subprocess.run([*command, "--same-owner", f"--directory={root}"], check=True)
        outcomes.append(Outcome(findings=verdict.findings, root=root))
    return outcomes


def _target(bench: Workbench, folder: Path, number: int, recipe: Recipe, export: bool) -> dict[str, Any]:
    lines = [HEAD]
    for index, nodes in enumerate(recipe.layers):
        archive = folder / f"{number}-{index}.tar"
        archive.write_bytes(tar(nodes))
        lines.append(f"ADD {archive.name} /")
    lines += [*recipe.instructions, TAIL]
    secrets = []
    for identity, value in recipe.secrets.items():
        file = folder / f"{number}-{identity}.secret"
        file.write_bytes(value)
        secrets.append(f"id={identity},src={file}")
    output = [f"type=registry,name={bench.registry}/{folder.name}:e{number}"]
    if export:
        output.append(f"type=tar,dest={folder / f'export-{number}.tar'}")
    return {
        "context": str(folder),
        "dockerfile-inline": "\n".join(lines),
        "args": dict(recipe.args),
        "secret": secrets,
        "output": output,
        "attest": ["type=provenance,disabled=true"],
    }


def tar(nodes: Sequence[Node]) -> bytes:
    """Return an archive of a layer, with the program that every image starts."""
    file = io.BytesIO()
    program = Node(path="/app/run", mode=0o755, content=b"#!/app/run\n")
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for node in (program, *nodes):
            info = tarfile.TarInfo(node.path.lstrip("/"))
            info.mode, info.uid, info.gid = node.mode, node.uid, node.uid
            if node.folder:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(node.content)
                archive.addfile(info, io.BytesIO(node.content))
    return file.getvalue()


def built_together(
    build_all: Callable[[Workbench, Sequence[Any]], Sequence[Any]],
) -> Callable[[Callable[..., None]], Callable[[Workbench], None]]:
    """Make a Hypothesis test of `example` and its `outcome` one that builds all examples at once."""

    def decorate(test: Any) -> Callable[[Workbench], None]:
        def judge_all(bench: Workbench) -> None:
            judge_together(test, lambda examples: build_all(bench, examples))

        return under_the_name_of(test, judge_all)

    return decorate


def forget(bench: Workbench, name: str) -> None:
    """Give the disk space of built examples back."""
    shutil.rmtree(bench.folder / name, ignore_errors=True)
