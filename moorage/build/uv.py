"""What of a uv workspace's ``uv.lock`` counts for one image: the requirements that uv itself exports of it.

A Dockerfile that reads the lock file by one ``uv export --frozen`` in a stage of its own, and passes on nothing but that
list, gives the same image for the same list. So the list counts, and neither the lock file nor the workspace's
pyproject.toml: uv is asked for it once for each content of these files, by the very command of the Dockerfile.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from moorage.build.ignorefile import has_wildcards
from moorage.build.installs import WRAPPER, command_of
from moorage.build.lockfiles import UV_LOCK, UV_MANIFEST, UnclearError, UvUse
from moorage.build.stages import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moorage.build.instructions import Instruction
    from moorage.build.stages import Dockerfile, Input, Stage

SECONDS = 60
"""How long uv may take."""
_READ = frozenset({UV_LOCK, UV_MANIFEST, "uv.toml", ".python-version"})
"""The names of the files that uv reads of a workspace to export it."""
_ENDINGS = tuple(_READ)
_SHELL = re.compile(r"[;&|<>$`()\n]")
_UNREAD = re.compile(r"(?:README|LICEN[CS]E)(?:[.-]\w+)*$")
_OUTPUT = ("--output-file", "-o")
_ELSEWHERE = ("--script", "--project", "--directory", "--config-file", "--cache-dir")


def uv_use(dockerfile: Dockerfile, target: str) -> UvUse:
    """Return how the build of ``target`` uses the workspace's uv.lock.

    Raises `UnclearError` where all of the file counts.
    """
    users = [stage for stage in dockerfile.stages if any(_is_shared(item) for item in stage.inputs)]
    built = dockerfile.built(target)
    if built is None or not dockerfile.origins_are_clear:
        raise UnclearError("it cannot be told which stage takes what from where")
    if len(users) != 1:
        raise UnclearError("more than one stage takes it")
    user = users[0]
    heirs = [stage for stage in dockerfile.stages if any(part is user for part in dockerfile.chain(stage))]
    if built is user or len(heirs) > 1:
        raise UnclearError("the stage that takes it is part of the image")
    use, output = _export(dockerfile, user)
    taken = [item for item in dockerfile.inputs() if item.origin != CONTEXT and dockerfile.stage(item.origin) is user]
    if not all(f"/{item.path}" == output for item in taken):
        raise UnclearError(f"other stages take more of its stage than {output}")
    return use


def reads(use: UvUse, path: str) -> bool:
    """Return whether uv reads a file of the build context."""
    if not path.endswith(_ENDINGS) or posixpath.basename(path) not in _READ:
        return False
    return any(path == given or path.startswith(f"{given}/") for given in use.paths)


def exported(use: UvUse, root: Path, files: Iterable[str]) -> str:
    """Return the requirements that uv exports, a line each, without comments.

    ``files`` are those that uv reads. Raises `UnclearError` where uv is missing or refuses.
    """
    own = root / ".moorage" / "bin" / "uv"
    program = str(own) if own.exists() else shutil.which("uv")
    if program is None:
        raise UnclearError("uv, which would say what of it counts, is not on PATH")
    import tempfile  # where it is asked, once for each content of the lock file

    with tempfile.TemporaryDirectory(prefix="moorage-uv-") as folder:
        top = Path(folder, "workspace")
        for path in files:
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, top / path)
        output = Path(folder, "requirements.txt")
        settings = {"XDG_CONFIG_HOME": folder, "XDG_CONFIG_DIRS": folder, "UV_OFFLINE": "1"}
        own_variables = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "VIRTUAL_ENV"))}
        try:
            result = subprocess.run(
                [program, "export", *use.options, "--output-file", str(output)],
                cwd=top,
                env=own_variables | settings,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            if result.returncode:
                words = " ".join(result.stderr.split()) or f"exit status {result.returncode}"
                raise UnclearError(f"uv export refuses it: {words}")
            return "".join(_requirements(output.read_text(encoding="utf-8")))
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnclearError(f"uv export failed: {error}") from None


def _requirements(text: str) -> Iterator[str]:
    """Yield the lines that are no comments: these name what a package came by, which changes nothing."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"{line.rstrip()}\n"


def _is_shared(item: Input) -> bool:
    """Return whether the lock file, or the pyproject.toml beside it, is among what is taken."""
    return item.origin == CONTEXT and (
        item.path == "." or any(fnmatchcase(name, item.path) for name in (UV_LOCK, UV_MANIFEST))
    )


def _export(dockerfile: Dockerfile, stage: Stage) -> tuple[UvUse, str]:
    """Return what a stage exports of the lock file and to where."""
    taken = [item for item in stage.inputs if item.origin == CONTEXT]
    if any(item.path == "." or has_wildcards(item.path) for item in taken):
        raise UnclearError("its stage takes files by wildcards, or all")
    if {UV_LOCK, UV_MANIFEST} - {item.path for item in taken}:
        raise UnclearError(f"its stage does not take both {UV_LOCK} and {UV_MANIFEST}")
    runs = [step for step in stage.instructions if step.keyword == "RUN"]
    others = {step.keyword for step in stage.instructions} - {"COPY", "LABEL", "RUN", "WORKDIR"}
    if len(runs) != 1 or others:
        raise UnclearError("its stage does more than one RUN of uv export")
    variables = [step for part in dockerfile.chain(stage)[:-1] for step in part.instructions if step.keyword == "ENV"]
    if any(name.startswith("UV_") for step in variables for name, _ in step.pairs):
        raise UnclearError("a stage below it sets variables of uv")
    if any(item.instruction.keyword != "COPY" for item in taken):
        raise UnclearError("its stage takes files otherwise than by COPY")
    options, output = _command(runs[0])
    output = posixpath.normpath(posixpath.join(_folder(dockerfile, stage, taken), output))
    if not output.startswith("/"):
        raise UnclearError("it cannot be told where uv export writes its list")
    return UvUse(options=options, paths=tuple(sorted({item.path for item in taken}))), output


def _folder(dockerfile: Dockerfile, stage: Stage, taken: Iterable[Input]) -> str:
    """Return the folder that uv is run in, empty where it is not known: what it reads has to lie there as in the repository."""
    folder, places = "", list[tuple[str, str]]()
    sources = {
        id(item.instruction): [each.path for each in taken if each.instruction is item.instruction] for item in taken
    }
    for step in [step for part in dockerfile.chain(stage) for step in part.instructions]:
        if step.keyword == "WORKDIR":
            folder = posixpath.join(folder, step.arguments.strip().strip("'\""))
        elif id(step) in sources:
            target = posixpath.normpath(posixpath.join(folder, step.words[-1].strip("'\"")))
            places += [(path, target) for path in sources[id(step)]]
    for path, target in places:
        above = posixpath.normpath(posixpath.join(folder, posixpath.dirname(path)))
        # Of a folder the content is copied, to where it is said.
        is_file = posixpath.basename(path) in _READ or _UNREAD.match(posixpath.basename(path))
        if (
            target not in {posixpath.normpath(posixpath.join(folder, path)), above if is_file else None}
            or "$" in target
        ):
            raise UnclearError(f"its stage has {path} in another place than the repository")
    return folder if folder.startswith("/") else ""


def _command(run: Instruction) -> tuple[tuple[str, ...], str]:
    """Return the options of the one ``uv export`` of a step, and the file that it writes."""
    text = command_of(run)
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    words = words[1:] if words[:1] == [WRAPPER] else words
    if words[:2] != ["uv", "export"] or _SHELL.search(text):
        raise UnclearError("its stage runs something else than uv export")
    options, outputs, index = list[str](), list[str](), 2
    while index < len(words):
        name, equals, value = words[index].partition("=")
        if name in _OUTPUT:
            outputs.append(value if equals else "".join(words[index + 1 : index + 2]))
            index += 1 if equals else 2
            continue
        if name in _ELSEWHERE:
            raise UnclearError(f"its uv export has {name}")
        options.append(words[index])
        index += 1
    if "--frozen" not in options:
        raise UnclearError("its uv export has no --frozen")
    if len(outputs) != 1 or not outputs[0]:
        raise UnclearError("its uv export has no --output-file")
    return tuple(options), outputs[0]
