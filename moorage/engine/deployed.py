"""What a stack consists of, as its last update left it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from moorage.base.errors import MoorageError

if TYPE_CHECKING:
    from moorage.engine.session import Session

COMPONENT = "moorage:image:ServiceImage"


def stack_images(session: Session) -> dict[str, str]:
    """Return the images that a stack consists of, ``repository@digest`` by the name of service or base image.

    Raises `MoorageError` where the stack is not up.
    """
    result = subprocess.run(
        [session.program("pulumi"), "stack", "export", "--stack", session.stack],
        cwd=session.root,
        env=session.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    resources: list[dict[str, Any]] = []
    if result.returncode == 0:
        resources = (json.loads(result.stdout).get("deployment") or {}).get("resources") or []
    found = {
        resource["urn"].rpartition("::")[2]: resource["outputs"]["image"]
        for resource in resources
        if resource.get("type") == COMPONENT and "@" in str(resource.get("outputs", {}).get("image"))
    }
    if not found:
        raise MoorageError.of(
            "there are no images to look at",
            where=f"stack {session.stack}",
            why=(result.stderr.strip().splitlines() or ["the stack has built none"])[-1],
            remedy=f"moorage up {session.stack}, or name an image by its reference",
        )
    return found
