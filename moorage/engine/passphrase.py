"""The passphrase that encrypts a stack's secrets: the user's own, or one that is made for this checkout's own state.

A passphrase that is empty, missing or made where its file does not live as long as the state is an error, before
anything is encrypted with it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT, FILE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
WRONG = "incorrect passphrase"
"""What Pulumi says where a passphrase does not open a stack's secrets."""
_BYTES = 24
_CLOUD = ("https://", "http://")
_BACKENDS_CHOICE = ("", "default")


def variables(*, root: Path, home: Path, stack: str, backend: str, own: bool) -> dict[str, str]:
    """Return the variables that lead Pulumi to a stack's passphrase, where those of the caller do not.

    ``own`` says that the state is this checkout's, below ``home``: a random passphrase is made for it once. Raises
    `MoorageError` where a passphrase is needed and there is none, an empty one, or a file of it that cannot be read.
    """
    if not needed(root, stack, backend):
        return {}
    if TEXT in os.environ:
        if not os.environ[TEXT].strip():
            raise _empty(f"the variable {TEXT}", "it is set but empty", backend)
        return {}
    if FILE in os.environ:
        _check_file(os.environ[FILE], backend)
        return {}
    path = home / "passphrase"
    if not own:
        raise _none(stack, backend, path)
    if path.exists():
        if not path.read_text().strip():
            raise _lost(home, "its file is empty")
        return {FILE: str(path)}
    if any(home.glob("state/.pulumi/stacks/**/*.json*")):
        raise _lost(home, "its file does not exist")
    _make(path)
    return {FILE: str(path)}


def needed(root: Path, stack: str, backend: str) -> bool:
    """Whether Pulumi asks for a passphrase: not where a key service, or Pulumi Cloud itself, encrypts the secrets."""
    settings = _stack_settings(root, stack)
    provider = str(settings.get("secretsprovider") or "")
    if provider in _BACKENDS_CHOICE:
        return not backend.startswith(_CLOUD) or "encryptionsalt" in settings
    return provider == "passphrase"


def wrong(stack: str, home: Path) -> MoorageError:
    """Return the error for a passphrase that cannot decrypt the stack's secrets."""
    source = f"the variable {TEXT}" if TEXT in os.environ else os.environ.get(FILE) or str(home / "passphrase")
    return MoorageError.of(
        f"the passphrase cannot decrypt the secrets of stack {stack}",
        where=source,
        why="they were encrypted with another one",
        remedy=f"set {TEXT} or {FILE} to the passphrase that the stack was made with. If that one is lost, its secrets "
        f"are lost too: restore the passphrase from a copy, or delete the stack's objects with kubectl, run "
        f"`pulumi stack rm --force {stack}`, and run `moorage up` again",
    )


def _check_file(name: str, backend: str) -> None:
    if not name.strip():
        raise _empty(f"the variable {FILE}", "it is set, but names no file", backend)
    try:
        text = Path(name).read_text()
    except (OSError, ValueError) as error:
        raise MoorageError.of(
            "the passphrase of the stack's secrets cannot be read",
            where=name,
            why=getattr(error, "strerror", None) or str(error),
            remedy=f"correct {FILE}, or set {TEXT}",
        ) from None
    if not text.strip():
        raise _empty(name, f"the file that {FILE} names is empty", backend)


def _empty(where: str, why: str, backend: str) -> MoorageError:
    return MoorageError.of(
        "the passphrase of the stack's secrets is empty",
        where=where,
        why=f"{why}: everyone who can read {backend} or Pulumi.<stack>.yaml could read the secrets. In CI a secret that "
        "does not exist arrives as an empty text",
        remedy="give it the passphrase (in CI: add the secret to the repository or environment), or unset it",
    )


def _none(stack: str, backend: str, left: Path) -> MoorageError:
    remedy = f"export {TEXT} or {FILE}, or name a key service with secretsprovider: in Pulumi.{stack}.yaml"
    if left.exists():
        remedy += f"; where an earlier version of Moorage made {left} for this backend, export {FILE}={left}"
    return MoorageError.of(
        f"stack {stack} has no passphrase for its secrets",
        where=backend,
        why=f"neither {TEXT} nor {FILE} is set, and Pulumi.{stack}.yaml names no secretsprovider; a random one would be "
        "lost with this machine",
        remedy=remedy,
    )


def _lost(home: Path, why: str) -> MoorageError:
    return MoorageError.of(
        "the passphrase of this checkout's stacks is missing",
        where=str(home / "passphrase"),
        why=f"{why}, and the stacks in {home / 'state'} were encrypted with it",
        remedy=f"restore a copy of it, or export the {TEXT} that they were made with. If it is lost, their secrets are "
        "lost too: on the embedded platform run `moorage platform reset` and start again; elsewhere delete the objects "
        f"with kubectl and move {home / 'state'} away",
    )


def _make(path: Path) -> None:
    from secrets import token_urlsafe  # once in a checkout's life

    from moorage.base.console import err

    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".passphrase.{os.getpid()}")
    aside.touch(mode=0o600)
    aside.write_text(token_urlsafe(_BYTES) + "\n")
    # A link, unlike a rename, leaves alone what another process made meanwhile, and may have encrypted with.
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(aside)
        err.print(f"made a passphrase for this checkout's secrets: {path} · without it they cannot be read")
    aside.unlink()


def _stack_settings(root: Path, stack: str) -> Mapping[str, Any]:
    """Return the top-level keys of a stack's file; empty where it cannot be read, which others tell."""
    from moorage.config.sources import stack_file
    from moorage.config.yamlfile import read_yaml

    try:
        found: Mapping[str, Any] = read_yaml(stack_file(root, stack)).data
        return found
    except MoorageError:
        return {}
