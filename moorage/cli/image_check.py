"""``moorage images check``: whether what was built is fit for production."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from moorage.base.console import out, printable, size
from moorage.base.errors import MoorageError
from moorage.base.image_reference import ImageReference
from moorage.base.quantity import quantity_value
from moorage.base.registry import Registry
from moorage.cli.sessions import session_for, session_of
from moorage.config.loader import load_project
from moorage.engine import pulumi
from moorage.engine.state import BASE, stack_images
from moorage.scan.check import Verdict, check
from moorage.scan.finding import Expectation
from moorage.scan.secrets import SHORTEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from moorage.config.loader import Project
    from moorage.config.service import Build
    from moorage.engine.session import Session

PRODUCTION = "production"
_SHOWN = 12
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_PUBLIC_CERTIFICATES = Path("/usr/share/ca-certificates")


def check_images(root: Path, named: Sequence[str], *, secret_files: Sequence[Path], as_json: bool) -> int:
    """Check the images of a stack or those named, print what was found and return the exit status.

    Raises `MoorageError` where an image cannot be downloaded.
    """
    given = {path.name: _read(path) for path in secret_files}
    wanted: list[tuple[str, str, Expectation]] = []
    for name in named or ["dev"]:
        if is_reference(name):
            wanted.append((name, name, Expectation(secrets=given)))
        else:
            wanted.extend(_of_stack(root, name, given))
    registry = Registry(_environment(root, named or ["dev"]))
    verdicts = [
        verdict
        for name, reference, expectation in wanted
        for verdict in check(registry, ImageReference.parse(reference), expectation, name)
    ]
    if as_json:
        out.print_json(json.dumps([verdict.document() for verdict in verdicts]))
    else:
        for verdict in verdicts:
            _show(verdict)
    return 1 if any(verdict.findings for verdict in verdicts) else 0


def is_reference(name: str) -> bool:
    """Whether a word of the command line is an image rather than a stack."""
    return any(mark in name for mark in "/:@")


def _environment(root: Path, named: Sequence[str]) -> Mapping[str, str] | None:
    """Return the environment whose Docker credentials are used: that of the first stack, else the user's own."""
    stack = next((name for name in named if not is_reference(name)), None)
    return session_of(root, stack).environment() if stack else None


def _of_stack(root: Path, stack: str, given: Mapping[str, bytes]) -> list[tuple[str, str, Expectation]]:
    """Return name, reference and expectation of each image that the stack runs in its production form."""
    project = load_project(root, stack)
    session = session_for(project)
    images = stack_images(session)
    secrets = {**build_secrets(project), **_stack_secrets(session), **given}
    wanted = []
    for name, service in project.services.items():
        if name in images and service.image is None and service.build.target == PRODUCTION:
            expectation = Expectation(
                user=service.run_as_user,
                port=service.port,
                listens=service.port is not None,
                shell=service.build.shell,
                writable_paths=tuple(service.writable_paths),
                unpacked_bytes=_budget(service.build),
                secrets=secrets,
            )
            wanted.append((name, images[name], expectation))
    for name in project.stores:
        if f"{BASE}{name}" in images:
            image = project.base_images[name]
            expectation = Expectation(
                shell=image.build.shell,
                writable_paths=tuple(image.writable_paths),
                unpacked_bytes=_budget(image.build),
                secrets=secrets,
            )
            wanted.append((name, images[f"{BASE}{name}"], expectation))
    return wanted


def _budget(build: Build) -> int | None:
    return None if build.budget.size is None else int(quantity_value(build.budget.size))


def build_secrets(project: Project) -> dict[str, bytes]:
    """Return the values that builds are given: whole files, single lines of them, and certificates that are not public."""
    files = {name: project.program / Path(path).expanduser() for name, path in project.settings.build_secrets.items()}
    if project.target.ca:
        files.setdefault("ca", Path(project.target.ca))
    found: dict[str, bytes] = {}
    for name, path in files.items():
        if not path.is_file():
            continue
        content = path.read_bytes()
        if _CERTIFICATE.encode() in content:
            found |= _own_certificates(name, content)
            continue
        found[name] = content
        words = [word for line in content.splitlines() for word in line.replace(b"=", b" ").split()]
        found |= {f"{name}, word {index}": word for index, word in enumerate(words, 1) if len(word) >= 2 * SHORTEST}
    return found


def _own_certificates(name: str, bundle: bytes) -> dict[str, bytes]:
    """Return the certificates of a bundle that Debian does not ship: the others are in many images, and no secret."""
    public = {_body(path.read_bytes()) for path in _PUBLIC_CERTIFICATES.rglob("*.crt")}
    blocks = [block.partition(b"-----END")[0] for block in bundle.split(_CERTIFICATE.encode())[1:]]
    own = [body for block in blocks if (body := b"".join(block.split())) not in public]
    return {f"{name}, certificate {index}": body for index, body in enumerate(own, 1)}


def _body(certificate: bytes) -> bytes:
    return b"".join(certificate.partition(_CERTIFICATE.encode())[2].partition(b"-----END")[0].split())


def _stack_secrets(session: Session) -> dict[str, bytes]:
    """Return the stack's own secret settings; none where they cannot be decrypted here."""
    result = pulumi.run(session, ["config", "--json", "--show-secrets", "--stack", session.stack])
    settings: dict[str, Any] = json.loads(result.stdout) if result.returncode == 0 else {}
    return {name: str(entry.get("value", "")).encode() for name, entry in settings.items() if entry.get("secret")}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MoorageError.of(
            "a secret to look for cannot be read",
            where=str(path),
            why=error.strerror,
            remedy="check the path after --secret-file",
        ) from None


def _show(verdict: Verdict) -> None:
    mark = "[red]✗[/]" if verdict.findings else "[green]✓[/]"
    facts = f"{verdict.layers} layers, {size(verdict.packed_bytes)} packed, {size(verdict.unpacked_bytes)} unpacked"
    out.print(f"{mark} [bold]{escape(verdict.name)}[/] [dim]{facts} · {escape(verdict.digest[:19])}[/]")
    by_rule: dict[str, list[str]] = {}
    for finding in verdict.findings:
        by_rule.setdefault(finding.rule, []).append(f"{finding.path}: {finding.why}" if finding.path else finding.why)
    for rule, lines in by_rule.items():
        for line in lines[:_SHOWN]:
            out.print(f"  [red]{rule}[/] {escape(printable(line))}")
        if len(lines) > _SHOWN:
            out.print(f"  [red]{rule}[/] [dim]and {len(lines) - _SHOWN} more; --json lists them all[/]")
