"""Small changes of a function, one at a time, each of which a test should notice."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import CodeType

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_PROSE = 24
"""Characters from which on a text is for people: its words are no behaviour that a test should pin."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One change of one function."""

    file: Path
    function: str
    """As ``Class.method``."""
    line: int
    what: str
    number: int
    """Among those of its function."""


def mutants(file: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module's functions and methods; functions inside others count as their parts."""
    for name, function in _functions(ast.parse(file.read_text())):
        for number, (node, what, _) in enumerate(_changes(function)):
            yield Mutant(file, name, node.lineno, what, number)


def mutated(mutant: Mutant) -> CodeType:
    """Return the code of the mutant's function, as the interpreter would have compiled it."""
    tree = ast.parse(mutant.file.read_text())
    function = dict(_functions(tree))[mutant.function]
    _, _, change = list(_changes(function))[mutant.number]
    change()
    code = compile(ast.fix_missing_locations(tree), str(mutant.file), "exec", dont_inherit=True)
    for part in mutant.function.split("."):
        code = next(found for found in code.co_consts if hasattr(found, "co_name") and found.co_name == part)
    return code


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def _changes(function: Function) -> Iterator[tuple[ast.expr | ast.stmt, str, Callable[[], None]]]:
    """Yield the place of each change, what it is, and what makes it."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.expr) and not _of_annotation(node, statement):
                yield from _of_expression(node)
            elif isinstance(node, ast.stmt):
                yield from _of_statement(node)


def _of_annotation(node: ast.expr, statement: ast.stmt) -> bool:
    marked = [found.annotation for found in ast.walk(statement) if isinstance(found, ast.AnnAssign)]
    return any(node is inner for annotation in marked for inner in ast.walk(annotation))


def _of_expression(node: ast.expr) -> Iterator[tuple[ast.expr, str, Callable[[], None]]]:
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in _COMPARISONS:
            other = _COMPARISONS[type(operator)]
            yield node, f"{type(operator).__name__} is {other.__name__}", lambda: node.ops.__setitem__(0, other())
        case ast.BoolOp(op=found):
            changed = ast.Or() if isinstance(found, ast.And) else ast.And()
            yield node, "and is or" if isinstance(found, ast.And) else "or is and", _setter(node, op=changed)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, "not is left out", lambda: _become(node, operand)
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield node, f"{type(operator).__name__} is another", _setter(node, op=_OPERATORS[type(operator)]())
        case ast.Constant():
            yield from _of_constant(node)
        case ast.IfExp():
            yield node, "the condition holds", _setter(node, test=ast.Constant(value=True))
            yield node, "the condition does not hold", _setter(node, test=ast.Constant(value=False))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for generator in node.generators:
                if generator.ifs:
                    yield node, "nothing is left out", generator.ifs.clear


def _of_constant(node: ast.Constant) -> Iterator[tuple[ast.expr, str, Callable[[], None]]]:
    value = node.value
    if isinstance(value, bool):
        yield node, f"{value} is {not value}", _setter(node, value=not value)
    elif isinstance(value, int):
        yield node, f"{value} is {value + 1}", _setter(node, value=value + 1)
    elif isinstance(value, str) and value and len(value) < _PROSE and " " not in value.strip():
        yield node, f"{value!r} is another", _setter(node, value=f"{value}~")


def _of_statement(node: ast.stmt) -> Iterator[tuple[ast.stmt, str, Callable[[], None]]]:
    match node:
        case ast.If() | ast.While(test=ast.Compare()):
            yield node, "the condition does not hold", _setter(node, test=ast.Constant(value=False))
            if isinstance(node, ast.If):
                yield node, "the condition holds", _setter(node, test=ast.Constant(value=True))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, "None is returned", _setter(node, value=ast.Constant(value=None))
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield node, "is not done", _setter(node, value=_idle(node.value))
        case ast.Raise():
            yield node, "is not raised", lambda: _become(node, ast.Pass())
        case ast.AugAssign():
            yield node, "is not done", lambda: _become(node, ast.Pass())


def _idle(value: ast.expr) -> ast.expr:
    """Return an expression without effect that leaves a generator one."""
    if isinstance(value, ast.Call):
        return ast.Constant(value=None)
    return ast.YieldFrom(value=ast.Tuple(elts=[], ctx=ast.Load()))


def _setter(node: ast.AST, **fields: object) -> Callable[[], None]:
    return lambda: node.__dict__.update(fields)


def _become(node: ast.AST, other: ast.AST) -> None:
    """Have a node of a tree be another one, wherever it hangs."""
    made = copy.copy(other)
    node.__class__ = type(made)
    node.__dict__ = {**{name: getattr(node, name, None) for name in ("lineno", "col_offset")}, **made.__dict__}
