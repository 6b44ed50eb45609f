"""Later modules are found in the order of their imports, whatever code has done to the others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from codeserver.worker.process.modules import Since


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    found = {name: ModuleType(name) for name in ("a", "b")}
    monkeypatch.setattr(sys, "modules", found)
    yield found
    monkeypatch.undo()


def test_later_modules_are_found(modules: dict[str, ModuleType]) -> None:
    since = Since()
    assert since.names() == []

    modules["c"] = modules["d"] = ModuleType("c")
    modules["a"] = ModuleType("a")  # in the place of another
    del modules["d"]
    modules["d"] = ModuleType("d")

    assert since.names() == ["c", "d"]


def test_a_module_that_is_imported_again_is_later(modules: dict[str, ModuleType]) -> None:
    since = Since()
    modules["a"] = modules.pop("a")
    assert since.names() == ["a"]


def test_all_names_are_found_if_the_last_one_is_gone(modules: dict[str, ModuleType]) -> None:
    since = Since()
    del modules["b"]
    modules["c"] = ModuleType("c")
    assert since.names() == ["a", "c"]


def test_every_module_is_later_than_none(modules: dict[str, ModuleType]) -> None:
    modules.clear()
    since = Since()
    modules["a"] = ModuleType("a")
    assert since.names() == ["a"]
