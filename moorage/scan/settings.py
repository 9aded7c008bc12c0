"""Rules about how a container of an image is started, and about its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moorage.scan.finding import ImageFinding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moorage.scan.finding import Expectation
    from moorage.scan.image import Image

LABELS = tuple(f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses"))
"""What every image says of itself."""
_SHELL_FORM = ("/bin/sh", "-c")


def check_settings(image: Image, expectation: Expectation) -> Iterator[ImageFinding]:
    """Yield what of the image's config is missing or other than declared."""
    yield from _user(image, expectation)
    yield from _entrypoint(image)
    labels = image.settings.get("Labels") or {}
    for label in LABELS:
        if not labels.get(label):
            yield ImageFinding(rule="require-labels", why=f"the label {label} is missing")
    if not image.settings.get("StopSignal"):
        yield ImageFinding(rule="require-stop-signal", why="STOPSIGNAL does not say how the process is asked to end")
    yield from _ports(image, expectation)
    limit = expectation.unpacked_bytes
    if limit is not None and image.unpacked_bytes > limit:
        why = f"its layers have {image.unpacked_bytes / 1e6:.1f} MB unpacked, at most {limit / 1e6:.1f} MB allowed"
        yield ImageFinding(rule="keep-size", why=why)


def _user(image: Image, expectation: Expectation) -> Iterator[ImageFinding]:
    text = str(image.settings.get("User") or "")
    parts = text.split(":")
    if not text:
        yield ImageFinding(rule="require-non-root-user", why="USER is not set, so the process would run as root")
    elif not all(part.isdecimal() for part in parts):
        yield ImageFinding(
            rule="require-non-root-user", why=f"USER {text} is not numeric: a cluster cannot tell that it is not root"
        )
    elif 0 in map(int, parts):
        yield ImageFinding(rule="require-non-root-user", why=f"USER {text} is root or has its group")
    elif len(parts) == 1:
        yield ImageFinding(
            rule="require-non-root-user", why=f"USER {text} names no group; without one it may be root's"
        )
    elif expectation.user is not None and int(parts[0]) != expectation.user:
        yield ImageFinding(rule="require-non-root-user", why=f"USER is {text}, declared is {expectation.user}")


def _entrypoint(image: Image) -> Iterator[ImageFinding]:
    command = [*(image.settings.get("Entrypoint") or []), *(image.settings.get("Cmd") or [])]
    if not command:
        yield ImageFinding(rule="require-entrypoint", why="neither ENTRYPOINT nor CMD says what to run")
        return
    if tuple(command[:2]) == _SHELL_FORM:
        why = "ENTRYPOINT or CMD is in shell form: the shell would not pass signals on"
        yield ImageFinding(rule="require-entrypoint", why=why)
        return
    program = command[0]
    if program.startswith("/"):
        found = image.resolve(program)
        if found is None or not found.executable:
            yield ImageFinding(
                rule="require-entrypoint", path=program, why="ENTRYPOINT names a program that does not exist"
            )


def _ports(image: Image, expectation: Expectation) -> Iterator[ImageFinding]:
    exposed = sorted(image.settings.get("ExposedPorts") or {})
    if expectation.port is not None and exposed != [f"{expectation.port}/tcp"]:
        shown = ", ".join(exposed) or "nothing"
        yield ImageFinding(rule="match-port", why=f"EXPOSE names {shown}, declared is {expectation.port}")
    if not expectation.listens and exposed:
        yield ImageFinding(rule="match-port", why=f"EXPOSE names {', '.join(exposed)}, but no port is declared")
