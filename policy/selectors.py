"""Label selectors, as the API server evaluates them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy.tree import Node


def labels_of(metadata: Node) -> dict[str, str]:
    """Return the labels in a ``metadata``; raises UnknownError where any of them is not known."""
    return {key: node.text() or "" for key, node in metadata["labels"].fields()}


def selects(selector: Node, labels: Mapping[str, str]) -> bool:
    """Tell whether a LabelSelector (``matchLabels`` and ``matchExpressions``) fits; an empty one fits all.

    Raises UnknownError or ShapeError.
    """
    if not all(labels.get(key) == (node.text() or "") for key, node in selector["matchLabels"].fields()):
        return False
    return all(_fits(expression, labels) for expression in selector["matchExpressions"].elements())


def selects_by_map(selector: Node, labels: Mapping[str, str]) -> bool:
    """Tell whether a Service's plain map of labels fits; raises UnknownError or ShapeError."""
    return all(labels.get(key) == (node.text() or "") for key, node in selector.fields())


def selects_all(selector: Node) -> bool:
    """Tell whether a LabelSelector is empty and so fits everything; raises UnknownError or ShapeError."""
    return not selector["matchLabels"].fields() and not selector["matchExpressions"].elements()


def namespace_of(root: Node) -> str:
    """Return an object's namespace, empty for none; raises UnknownError."""
    return root["metadata"]["namespace"].text() or ""


def _fits(expression: Node, labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"].text() or "", expression["operator"].text()
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
