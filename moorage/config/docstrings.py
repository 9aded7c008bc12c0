"""What the models say of their fields, read from their sources: only messages and schemas need it."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import textwrap

from pydantic import BaseModel


@functools.cache
def key_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the text below each field of ``model`` that has one, by its key in YAML, inherited ones included.

    Pydantic can read them as well (``use_attribute_docstrings``), but does so for every model at every start of the
    program, which takes a third of the time that all models take.
    """
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= _of_class(cls)
    return {info.alias or name: found[name] for name, info in model.model_fields.items() if name in found}


def _of_class(cls: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    definition = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
