"""Packages whose own code runs when something in them is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codeserver.dagster_command.deferring import defer


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package in a package, whose code notes that it has run."""
    inner = tmp_path / "outer_of_test" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("ran = []\n")
    (inner / "__init__.py").write_text(
        "import outer_of_test\nouter_of_test.ran.append(1)\n"
        "from outer_of_test.inner.other import two\nfrom outer_of_test.inner.small import one\n"
    )
    (inner / "small.py").write_text("one = object()\n")
    (inner / "other.py").write_text("from outer_of_test.inner import small\ntwo = small.one\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "outer_of_test.inner"
    for name in [name for name in sys.modules if name.startswith("outer_of_test")]:
        del sys.modules[name]


USES: list[Callable[[], Any]] = [
    lambda: __import__("outer_of_test.inner", fromlist=["two"]).two,
    lambda: __import__("outer_of_test.inner.other").inner.two,
    lambda: __import__("outer_of_test.inner.other", fromlist=["two"]).two,
    lambda: getattr(sys.modules["outer_of_test"], "inner").one,  # noqa: B009
]


@pytest.mark.parametrize("use", USES)
def test_a_deferred_package(package: str, use: Callable[[], Any]) -> None:
    outer: Any = __import__("outer_of_test")
    defer(package, "small")
    small = sys.modules[f"{package}.small"]
    assert outer.ran == []
    assert __import__(f"{package}.small", fromlist=["one"]) is small
    assert outer.ran == []
    held = sys.modules[package]

    assert use() is small.one  # type: ignore[attr-defined]

    real: Any = sys.modules[package]
    assert outer.ran == [1]
    assert outer.inner is real
    assert real.small is small
    assert (held.two, held.__path__) == (real.two, real.__path__)
    with pytest.raises(AttributeError, match="no attribute 'three'"):
        _ = held.three
    defer(package, "small")
    assert sys.modules[package] is real


@pytest.mark.parametrize(("name", "needed"), [("none", "small"), ("inner", "none")])
def test_what_cannot_be_deferred(package: str, name: str, needed: str) -> None:
    with pytest.raises(ImportError):
        defer(f"outer_of_test.{name}", needed)
    assert __import__(package, fromlist=["two"]).two
