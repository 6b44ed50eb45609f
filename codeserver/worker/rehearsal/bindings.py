"""The lines of a module that assign values to names."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Bindings:
    """The names that the body of a module binds.

    Attributes:
        lines: the last line that binds each name or class attribute (`Settings.started`).
        imported: names that only import statements bind.
    """

    lines: dict[str, int] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    _spans: list[tuple[int, int, str]] = field(default_factory=list)

    def name_at(self, line: int) -> str:
        """The first name that the statement on this line binds; empty if there is none."""
        for begin, end, name in self._spans:
            if begin <= line <= end:
                return name
        return ""


@functools.lru_cache(maxsize=64)
def bindings(file: str) -> Bindings:
    """The bindings of a source file; empty if it cannot be read or parsed."""
    result = Bindings()
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return result
    imported: set[str] = set()
    for statement in _simple(tree.body):
        names = list(_names(statement))
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            imported.update(names)
            continue
        begin, end = _begin(statement), statement.end_lineno or statement.lineno
        if names:
            result._spans.append((begin, end, names[0]))
        result.lines.update(dict.fromkeys(names, statement.lineno))
        if isinstance(statement, ast.ClassDef):
            result.lines.update(_of_class(statement))
    result.imported = imported - result.lines.keys()
    return result


def _simple(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at module level, including those inside `if`, `try` and so on."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.stmt):
                yield from _simple([child])
            elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                yield from _simple(child.body)


def _names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
        return
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
        return
    for node in _expressions(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes in a statement, without nested statements."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case, ast.Lambda)):
            yield child
            yield from _expressions(child)


def _begin(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _of_class(statement: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for inner in statement.body:
        for name in _names(inner):
            yield f"{statement.name}.{name}", inner.lineno
