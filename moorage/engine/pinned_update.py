"""An update that brings about a release instead of the sources, for the services that are named and nothing else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from moorage.config import outputs
from moorage.config.pinned import VARIABLE, write_pinned
from moorage.engine import events, pulumi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from moorage.config.release import Release
    from moorage.engine.session import Session

TAKE_BACK = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}
"""Fields that somebody changed by hand belong to him, and the API server refuses to change them for anyone else."""
_ALWAYS = (f"**{outputs.NETWORK}**", f"**{outputs.INGRESS}**")
"""What follows from the needs and routes of all services."""


def targets(names: Iterable[str]) -> list[str]:
    """Return Pulumi's patterns for everything that belongs to services: neither images nor data stores are among them."""
    found = [*_ALWAYS]
    for name in names:
        found.append(f"**{outputs.SERVICE}::{name}")
        # Children are called <name>-<role>, and no role has a hyphen: backend-* would take backend-admin's as well.
        found += [f"**{outputs.SERVICE}$**::{name}-{role}" for role in outputs.SERVICE_ROLES]
    return found


def run(
    session: Session,
    release: Release,
    names: Iterable[str],
    *,
    refresh: bool = False,
    preview: bool = False,
    hopeless: Callable[[], bool] | None = None,
) -> tuple[int, list[events.Diagnostic]]:
    """Bring about a release, or show what that would change, and return Pulumi's exit status and what it reported.

    Only ``names`` are touched, and what follows from all needs and routes. Nothing is built. With ``refresh`` the
    cluster is looked at first.
    """
    with TemporaryDirectory() as folder:
        pinned, log = Path(folder) / "release.json", Path(folder) / "events.json"
        write_pinned(pinned, release)
        arguments = ["preview"] if preview else ["up", "--yes", "--skip-preview"]
        arguments += [*(["--refresh"] if refresh else []), "--stack", session.stack, f"--event-log={log}"]
        for target in targets(names):
            arguments += ["--target", target]
        forced = TAKE_BACK if refresh else {}
        variables = events.VARIABLES | {VARIABLE: str(pinned)} | forced
        status = pulumi.show(session, arguments, hopeless=hopeless, variables=variables)
        return status, events.diagnostics(log) if status else []
