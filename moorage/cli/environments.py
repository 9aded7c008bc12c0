"""``moorage up NAME --ephemeral``: the settings of an environment for a while, made from those of another stack."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from moorage.base.console import Steps, out
from moorage.base.errors import MoorageError
from moorage.cli.sessions import session_of
from moorage.config.ephemeral import Ephemeral, duration, moment, valid_ttl
from moorage.config.sources import stack_file
from moorage.config.stackfile import SETTINGS_NAMESPACE
from moorage.config.yamlfile import read_yaml
from moorage.engine import kubectl, pulumi, stacks
from moorage.platform import toolchain
from moorage.platform.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from moorage.config.project import Project
    from moorage.engine.session import Session

_HEAD = """\
# Written by `moorage up {stack} --ephemeral` from Pulumi.{basis}.yaml; do not commit it. `moorage reap` deletes the
# environment, and this file, when its time is over.
"""
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_KEYS_OF_SECRETS = ("encryptionsalt", "encryptedkey")
_CONFIG, _SECURE = "config", "secure"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The environment that somebody asks for."""

    stack: str
    basis: str
    """The stack that it is made from."""
    ttl: str | None = None
    """How long it lives; None for what the basis says."""


def describe(root: Path, wanted: Wanted) -> None:
    """Write the settings of an environment for a while, or renew them: its time begins again.

    Raises `MoorageError` where the stack is another one, or the one that it is made from does not serve.
    """
    root = Layout.of(root).root
    _check(root, wanted)
    data = read_yaml(stack_file(root, wanted.basis)).data
    path = stack_file(root, wanted.stack)
    path.write_text(_text(data, wanted, dt.datetime.now(dt.UTC)))
    if secrets := _secrets_to_hand_on(data):
        _hand_on(root, wanted, secrets)
    ends = yaml.safe_load(path.read_text())[_CONFIG][_key("ephemeral")]["expiresAt"]
    out.print(f"[dim]environment[/] {wanted.stack} from {wanted.basis} · until {ends}")


def is_written_by_us(root: Path, stack: str) -> bool:
    """Whether a stack's file is one that `describe` wrote, or would be: there is none."""
    path = stack_file(root, stack)
    if not path.exists():
        return True
    config = read_yaml(path).data.get(_CONFIG)
    own = config.get(_key("ephemeral")) if isinstance(config, dict) else None
    return isinstance(own, dict) and "expiresAt" in own


def fill(session: Session, project: Project) -> None:
    """Run the command that fills an environment for a while with data, where it has one.

    Raises `MoorageError` where it fails.
    """
    ephemeral = project.settings.ephemeral
    if ephemeral is None or not ephemeral.lives or ephemeral.seed is None:
        return
    seed = ephemeral.seed
    with Steps().step(f"Data by {seed.service}") as step:
        place = [f"deployment/{seed.service}", f"--namespace={project.namespace}", f"--container={seed.service}"]
        result = kubectl.run(session, "exec", *place, "--", *seed.command, seconds=kubectl.LONG_SECONDS)
        if result.returncode:
            raise MoorageError.of(
                f"the data of {session.stack} could not be made",
                where=f"ephemeral.seed of stack {ephemeral.stack}",
                why=f"{' '.join(seed.command)} in {seed.service} ended with status {result.returncode}",
                remedy="correct the command, then run the command again: the environment itself is up",
                detail=(result.stdout + result.stderr).strip().splitlines()[-8:],
            )
        step.done("in place")


def _check(root: Path, wanted: Wanted) -> None:
    where = f"Pulumi.{wanted.stack}.yaml"
    if not _NAME.fullmatch(wanted.stack):
        raise MoorageError.of(
            f"{wanted.stack} cannot be the name of an environment",
            why="it becomes part of a host name and of a namespace: lower-case letters, digits and hyphens, 40 at most, "
            "a letter first",
            remedy="choose another: pr-123",
        )
    if not is_written_by_us(root, wanted.stack) or wanted.stack == wanted.basis:
        raise MoorageError.of(
            f"{wanted.stack} is a stack that is there to stay",
            where=where,
            why="an environment for a while has settings of its own, which Moorage writes, and is deleted in the end",
            remedy=f"give the environment another name, or leave out --ephemeral: moorage up {wanted.stack}",
        )
    if not is_written_by_us(root, wanted.basis) or not stack_file(root, wanted.basis).exists():
        session_of(root, wanted.basis)  # which says what is wrong with it, or that it does not exist
    else:
        raise MoorageError.of(
            f"{wanted.basis} is itself an environment for a while",
            where=f"Pulumi.{wanted.basis}.yaml",
            why="environments are made from a stack that is there to stay",
            remedy="name that one with --from",
        )
    if wanted.ttl is not None and not valid_ttl(wanted.ttl):
        raise MoorageError.of(
            f"{wanted.ttl} is not a time to live",
            where="--ttl",
            why="it is a number of minutes, hours or days, and 90 days at most",
            remedy="write 90m, 72h or 7d",
        )


def _text(data: Mapping[str, Any], wanted: Wanted, now: dt.datetime) -> str:
    """Return the settings of an environment, made from those of its basis."""
    config = {
        key: value
        for key, value in data.get(_CONFIG, {}).items()
        if key not in (_key("namespace"), "policy:stage") and not _encrypted(value)
    }
    kept = {key: value for key, value in data.items() if key == "secretsprovider" or key in _KEYS_OF_SECRETS}
    if any(key in data for key in _KEYS_OF_SECRETS):
        # The key is in the file, so what it encrypts can be read here as there.
        config |= {key: value for key, value in data.get(_CONFIG, {}).items() if _encrypted(value)}
    ingress = dict(config.get(_key("ingress")) or {})
    ingress["host"] = f"{wanted.stack}.{ingress.get('host', '')}"
    own = dict(config.get(_key("ephemeral")) or {})
    ttl = wanted.ttl or own.get("ttl") or Ephemeral().ttl
    own |= {"ttl": ttl, "stack": wanted.basis, "expiresAt": moment(now + duration(ttl))}
    config |= {
        _key("ingress"): ingress,
        _key("ephemeral"): own,
        _key("protect"): False,
        _key("stage"): "development",
    }
    text = yaml.safe_dump({**kept, _CONFIG: config}, sort_keys=False, allow_unicode=True)
    return _HEAD.format(stack=wanted.stack, basis=wanted.basis) + text


def _encrypted(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_SECURE}


def _secrets_to_hand_on(data: Mapping[str, Any]) -> list[str]:
    """Return the keys of the secrets that only their own stack can read."""
    if any(key in data for key in _KEYS_OF_SECRETS):
        return []
    return [key for key, value in data.get(_CONFIG, {}).items() if _encrypted(value)]


def _hand_on(root: Path, wanted: Wanted, secrets: list[str]) -> None:
    """Give the environment the secrets of its basis, without any of them reaching a command line or a file unencrypted."""
    with Steps().step(f"Secrets of {wanted.basis}") as step:
        toolchain.ensure(Layout.of(root), platform=False, step=step)
        theirs, ours = session_of(root, wanted.basis), session_of(root, wanted.stack)
        stacks.ensure(ours)
        for key in secrets:
            value = pulumi.output(theirs, ["config", "get", key, "--stack", wanted.basis]).removesuffix("\n")
            arguments = ["config", "set", "--secret", key, "--stack", wanted.stack]
            result = pulumi.run(ours, arguments, given=value)
            if result.returncode:
                raise pulumi.failure(ours, arguments, result)
        step.done(f"{len(secrets)} handed on")


def _key(name: str) -> str:
    return f"{SETTINGS_NAMESPACE}:{name}"
