"""Label selectors, as the API server evaluates them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .tree import Node


GIVEN_LABELS: Final = frozenset(
    {
        "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-revision-hash", "pod-template-hash",
        "pod-template-generation", "job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
    }
)  # fmt: skip
"""Labels that controllers give to pods: no template has them."""


def labels_of(metadata: Node) -> dict[str, str]:
    """Return the labels in a ``metadata``; raises UnknownError where any of them is not known."""
    return {key: node.text() or "" for key, node in metadata["labels"].fields()}


def selects(selector: Node, labels: Mapping[str, str]) -> bool:
    """Tell whether a LabelSelector (``matchLabels`` and ``matchExpressions``) fits; an empty one fits all.

    Raises UnknownError or ShapeError.
    """
    if not selects_by_map(selector["matchLabels"], labels):
        return False
    return all(_fits(expression, labels) for expression in selector["matchExpressions"].elements())


def selects_by_map(selector: Node, labels: Mapping[str, str]) -> bool:
    """Tell whether a plain map of labels, such as a Service's, fits; raises UnknownError or ShapeError."""
    return all(
        labels.get(key) == (node.text() or "") or (key in GIVEN_LABELS and key not in labels)
        for key, node in selector.fields()
    )


def selects_all(selector: Node) -> bool:
    """Tell whether a LabelSelector is empty and so fits everything; raises UnknownError or ShapeError."""
    return not selector["matchLabels"].fields() and not selector["matchExpressions"].elements()


def _fits(expression: Node, labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"].text() or "", expression["operator"].text()
    if key in GIVEN_LABELS and key not in labels:
        return True
    values = {value.text() for value in expression["values"].elements()}
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
