"""Certificate authorities that this machine trusts beside the public ones: those of a company's proxy, for builds.

Inside a build there is none of the machine's own, so what downloads there gets them as the build secret ``ca``.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

ADDED = (
    Path("/usr/local/share/ca-certificates"),  # Debian, Ubuntu, Alpine
    Path("/etc/pki/ca-trust/source/anchors"),  # Fedora and its kin
    Path("/etc/pki/trust/anchors"),  # SUSE
    Path("/etc/ca-certificates/trust-source/anchors"),  # Arch
)
"""Where systems keep what an administrator added."""
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
PUBLIC = Path("/usr/share/ca-certificates")
"""The public authorities of Debian and its kin, one a file: what else is in the bundle was added to it by hand."""
_CERTIFICATE = re.compile(
    r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.+?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL
)


def machine_authorities() -> str:
    """Return the certificates of the machine's own authorities in PEM, each once; empty where there are none."""
    found = dict.fromkeys(
        block for folder in ADDED for path in sorted(folder.rglob("*")) for block in _certificates(path)
    )
    public = {block for path in PUBLIC.rglob("*.crt") for block in _certificates(path)}
    if public:
        found |= dict.fromkeys(block for block in _certificates(BUNDLE) if block not in public)
    return "".join(f"{block}\n" for block in found)


def _certificates(path: Path) -> list[str]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return _CERTIFICATE.findall(path.read_text().replace("\r\n", "\n"))
    return []
