"""Certificate authorities that this machine trusts beside the public ones: those of a company's proxy, for builds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moorage.platform.layout import Layout

FOLDER = Path("/usr/local/share/ca-certificates")
"""Where Debian and Ubuntu keep what an administrator added."""


def own_authorities(layout: Layout) -> Path | None:
    """Write the machine's own authorities into one file and return its path; None where there are none."""
    texts = [path.read_text().strip() + "\n" for path in sorted(FOLDER.rglob("*.crt"))]
    path = layout.data / "authorities.pem"
    if not texts:
        path.unlink(missing_ok=True)
        return None
    path.write_text("".join(texts))
    return path
