"""The compliant stack, and how each rule's example breaks it in one place.

Documentation shows these examples and the tests run them, so that what is written of a rule is what it does.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

COMPLIANT: Final = Path(__file__).parent / "compliant.yaml"

POD: Final = "spec.template.spec"
CONTAINER: Final = f"{POD}.containers[0]"


class _Remove:
    """The type of ``REMOVE``."""


REMOVE: Final = _Remove()
"""Instead of a value: take the field away."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One change to the compliant stack that breaks a rule.

    ``path`` leads from the object ``target`` (``Kind/name``) to the field that gets ``value``. ``unknown`` leads to
    the field that the rule cannot do without, where that is another one; ``reads`` is false for a rule that looks at
    no field, only at whether an object is there. ``protected`` is Pulumi's option of that name.
    """

    path: str
    value: Any
    target: str = "Deployment/web"
    unknown: str | None = None
    reads: bool = True
    protected: bool = True

    @property
    def watched(self) -> str:
        """Path of the field whose value the rule has to know."""
        return self.unknown or self.path


def compliant_stack() -> list[dict[str, Any]]:
    """Return the objects of the compliant stack, fresh on every call."""
    import yaml  # rules refer to this module, and judging needs no YAML

    with COMPLIANT.open(encoding="utf-8") as file:
        return [item for item in yaml.safe_load_all(file) if item is not None]


def changed(objects: list[dict[str, Any]], target: str, path: str, value: Any) -> list[dict[str, Any]]:
    """Return a copy of ``objects`` in which the field at ``path`` of ``target`` has ``value``; raises KeyError."""
    result = copy.deepcopy(objects)
    for item in result:
        if title_of(item) == target:
            put(item, path, value)
            return result
    raise KeyError(target)


def title_of(item: dict[str, Any]) -> str:
    """Return ``Kind/name`` of a manifest."""
    return f"{item['kind']}/{item['metadata']['name']}"


def steps(path: str) -> list[str | int]:
    """Split ``spec.containers[0]["a.b"]`` into the keys and indices that lead there."""
    found = re.findall(r"\[\"([^\"]+)\"\]|\[(\d+)\]|([^.\[\]]+)", path)
    return [int(index) if index else quoted or plain for quoted, index, plain in found]


def put(root: Any, path: str, value: Any) -> None:
    """Give the field at ``path`` a value, with objects made on the way, or take it away for ``REMOVE``."""
    *way, last = steps(path)
    here = root
    for step in way:
        if isinstance(here, dict) and step not in here:
            here[step] = {}
        here = here[step]
    if value is REMOVE:
        del here[last]
    elif isinstance(here, list) and last == len(here):
        here.append(copy.deepcopy(value))
    else:
        here[last] = copy.deepcopy(value)
