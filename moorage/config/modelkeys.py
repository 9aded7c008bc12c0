"""What the models say of their keys: which there are, what is expected at a place, and the text below each."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import textwrap
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from moorage.config.yamlfile import Trail


def known_keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return a model's fields by their YAML key."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def model_at(model: type[BaseModel], trail: Trail) -> type[BaseModel] | None:
    """Return the model that is expected at the end of ``trail``, None where it is something else."""
    here: Any = model
    for part in trail:
        here = _enter(_bare(here), part)
    here = _bare(here)
    return here if _is_model(here) else None


def key_below(model: type[BaseModel], key: str) -> str | None:
    """Return the key of ``model`` under which ``key`` is known, for one that is written a level too high."""
    for name, info in known_keys(model).items():
        inner = _bare(info.annotation)
        if _is_model(inner) and key in known_keys(inner):
            return name
    return None


def example_of(model: type[BaseModel], key: str) -> str:
    """Return how the value of a model's key may be written on one line; nothing where that is not known."""
    info = known_keys(model).get(key)
    if info is None:
        return ""
    inner = _bare(info.annotation)
    if _is_model(inner):
        return str(getattr(inner, "example", ""))
    if get_origin(inner) is Literal:
        return str(get_args(inner)[0])
    item = get_args(inner)[0] if get_origin(inner) is list else inner
    found = next((str(part.example) for part in _metadata(info, item) if hasattr(part, "example")), "")
    return f"[{found}]" if found and item is not inner else found


def _metadata(info: FieldInfo, annotation: Any) -> list[Any]:
    return [*info.metadata, *(get_args(annotation)[1:] if get_origin(annotation) is Annotated else ())]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _bare(annotation: Any) -> Any:
    """Strip what surrounds a type without changing what it looks like in YAML: metadata and ``| None``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        some = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _bare(some[0]) if len(some) == 1 else annotation
    return annotation


def _enter(annotation: Any, part: str | int) -> Any:
    if _is_model(annotation):
        info = known_keys(annotation).get(str(part))
        return info.annotation if info else None
    arguments = get_args(annotation)
    return arguments[-1] if get_origin(annotation) in {list, dict} and arguments else None


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
