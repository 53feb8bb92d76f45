"""Every diagnosis that the analysis can make, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

MADE_BY = {
    "Finding": ("check", "subject", "verdict", "message", "expected", "observed", "diagnosis"),
    "Explanation": ("diagnosis",),
}
"""Positional parameters, up to the diagnosis' name, of the two classes that carry one."""


class UnreadableError(Exception):
    """A diagnosis is named by an expression that cannot be read here, so it might be one without a row."""


def names_in(folder: Path) -> frozenset[str]:
    """Names of all diagnoses that modules of the folder make; a part that is computed is ``*``."""
    return frozenset(name for path in sorted(folder.rglob("*.py")) for name in _names(path))


def _names(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    makers = dict(MADE_BY) | {one.name: names for one in functions if "diagnosis" in (names := _parameters(one))}
    for function in functions:
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in makers:
                yield from _named(_argument(call, makers), function, path)


def _parameters(function: ast.FunctionDef) -> tuple[str, ...]:
    return tuple(one.arg for one in (*function.args.posonlyargs, *function.args.args))


def _argument(call: ast.Call, makers: Mapping[str, tuple[str, ...]]) -> ast.expr | None:
    """The expression that names the diagnosis in a call; None where it names none."""
    assert isinstance(call.func, ast.Name)
    place = makers[call.func.id].index("diagnosis")
    by_name = {one.arg: one.value for one in call.keywords}
    return call.args[place] if place < len(call.args) else by_name.get("diagnosis", by_name.get("name"))


def _named(found: ast.expr | None, function: ast.FunctionDef, path: Path) -> Iterator[str]:
    match found:
        case None | ast.Constant(value=None) | ast.Attribute():  # none, or that of an Explanation made elsewhere
            return
        case ast.Constant(value=str(name)):
            yield name
        case ast.IfExp(body=one, orelse=other):
            yield from _named(one, function, path)
            yield from _named(other, function, path)
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
        case ast.Name(id=variable) if variable in _parameters(function):
            return  # its callers are read where they call
        case ast.Name(id=variable):
            given = list(_assigned(variable, function))
            if not given:
                raise UnreadableError(f"{path.name}:{found.lineno}: {variable}")
            for one in given:
                yield from _named(one, function, path)
        case _:
            raise UnreadableError(f"{path.name}:{found.lineno}: {ast.unparse(found)}")


def _assigned(variable: str, function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == variable for t in node.targets):
            yield node.value
