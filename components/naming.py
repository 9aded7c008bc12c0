"""Names that Kubernetes and registries accept, unique where shortening would make two of them equal."""

from __future__ import annotations

import hashlib
import re

OBJECT_NAME_MAX = 63
"""Characters of a DNS label, the tightest limit of a Kubernetes name."""
TAG_MAX = 128
"""Characters of an image tag."""
_DIGEST_CHARACTERS = 8


def _shortened(name: str, limit: int) -> str:
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{name[: limit - _DIGEST_CHARACTERS - 1].rstrip('-')}-{digest}"


def object_name(*parts: str, limit: int = OBJECT_NAME_MAX) -> str:
    """Return the parts joined by hyphens as a DNS label of at most `limit` characters.

    A name that is too long ends with a digest of the whole, so that two long names never become one.
    Raises `ValueError` where no letter or digit is left.
    """
    joined = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if not joined:
        raise ValueError(f"{parts!r} contains no letter or digit")
    return _shortened(joined, limit)


def tag_name(text: str) -> str:
    """Return `text` (a branch, a stack) as an image tag, with a digest wherever characters had to go."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).lstrip(".-")
    if cleaned == text and len(cleaned) <= TAG_MAX:
        return cleaned
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    kept = cleaned[: TAG_MAX - _DIGEST_CHARACTERS - 1].rstrip(".-")
    return f"{kept}-{digest}" if kept else digest
