"""Which revision of its source a process runs, where it is being developed: `moorage dev` waits until one answers with it."""

from __future__ import annotations

import os

VARIABLE = "MOORAGE_REVISION"
HEADER = "X-Moorage-Revision"


def revision_headers() -> dict[str, str]:
    """Return the header of HTTP answers that says the revision; nothing outside development."""
    revision = os.environ.get(VARIABLE, "")
    return {HEADER: revision} if revision.isdigit() else {}
