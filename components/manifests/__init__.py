"""Kubernetes objects as plain dicts in the API's own spelling: pure functions, no Pulumi objects made or looked into.

Values that only exist once something was created (an image's digest, a generated name) are passed through untouched.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Manifest: TypeAlias = dict[str, Any]
"""An object, or a part of one, as Kubernetes' API takes it."""
Later: TypeAlias = Any
"""A string, or a value that becomes one during deployment; builders never look into it."""


def omit_none(fields: Manifest) -> Manifest:
    """Return the fields that are set, so that what Kubernetes defaults stays unsaid."""
    return {key: value for key, value in fields.items() if value is not None}
