"""Kubernetes objects as plain dicts in the API's own spelling: pure functions, no Pulumi objects made or looked into.

Values that only exist once something was created (an image's digest, a generated name) are passed through untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..labels import Labels

Manifest: TypeAlias = dict[str, Any]
"""An object, or a part of one, as Kubernetes' API takes it."""
Later: TypeAlias = Any
"""A string, or a value that becomes one during deployment; builders never look into it."""


def omit_none(fields: Manifest) -> Manifest:
    """Return the fields that are set, so that what Kubernetes defaults stays unsaid."""
    return {key: value for key, value in fields.items() if value is not None}


FIELD_MANAGER = "pulumi.com/patchFieldManager"


def metadata(
    labels: Labels,
    name: str | None = None,
    *,
    annotations: Mapping[str, str] | None = None,
    further_labels: Mapping[str, str] | None = None,
) -> Manifest:
    """Return an object's metadata: its labels, its `name` (None to have one made) and annotations.

    The stack owns the object's fields under one name for good. By default each creation makes up another name, and after
    one that was cut off the next run could no longer change what the first had made.
    """
    return omit_none(
        {
            "name": name,
            "labels": {**labels.all(), **(further_labels or {})},
            "annotations": {FIELD_MANAGER: labels.instance, **(annotations or {})},
        }
    )
