"""The conversations between the front and its worker processes have no message that is not used."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import codeserver
from tests.unit.test_wire import MESSAGES

SOURCES = [
    path
    for side in ("supervisor", "worker")
    for path in Path(codeserver.__file__).parent.joinpath(side).rglob("*.py")
]


def names(nodes: Iterable[ast.AST]) -> set[str]:
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


def test_every_message_is_sent_and_received() -> None:
    sent: set[str] = set()
    received: set[str] = set()
    for path in SOURCES:
        tree = [*ast.walk(ast.parse(path.read_bytes()))]
        imports = (node for node in tree if isinstance(node, ast.ImportFrom))
        known = {
            each.name
            for node in imports
            if node.module == "codeserver.messages"
            for each in node.names
        }
        for node in tree:
            if isinstance(node, ast.MatchClass):
                received |= known & names([node.cls])
            elif isinstance(node, ast.Call):
                called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
                if called in ("expect", "isinstance"):
                    received |= known & names(node.args)
                else:
                    sent |= known & names([node.func])
    all_messages = {message.__name__ for message in MESSAGES}
    assert all_messages - sent == set()
    assert all_messages - received == set()
