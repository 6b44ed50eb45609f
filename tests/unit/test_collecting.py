"""When garbage is looked for in a pod, and what its end may not miss."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codeserver.worker import collecting


class Finalized:
    def __del__(self) -> None:
        pass


def _generator() -> Iterator[int]:
    yield 1


def _begun() -> Iterator[int]:
    generator = _generator()
    next(generator)
    return generator


def _ended() -> Iterator[int]:
    generator = _generator()
    list(generator)
    return generator


@pytest.mark.parametrize(
    ("make", "expect"),
    [
        (object, False),
        (list, False),
        (Finalized, True),
        (_begun, True),
        (_ended, False),
        (Path(__file__).open, False),
        (tempfile.TemporaryFile, True),
        (asyncio.new_event_loop, True),
    ],
)
def test_what_has_a_finalizer(make: Callable[[], Any], expect: bool) -> None:
    thing = make()
    try:
        assert collecting.has_finalizers([1, "", thing]) == expect
    finally:
        close = getattr(thing, "close", None)
        if close is not None:
            close()
    if close is not None:
        assert not collecting.has_finalizers([thing])


def test_collecting_seldom() -> None:
    before = gc.get_threshold()
    try:
        as_before = collecting.seldom()
        assert gc.get_threshold() != before
        as_before()
        assert gc.get_threshold() == before

        as_before = collecting.seldom()
        gc.set_threshold(12, 3, 4)
        as_before()
        assert gc.get_threshold() == (12, 3, 4), "somebody has set it"

        gc.set_threshold(0, 3, 4)
        collecting.seldom()()
        assert gc.get_threshold() == (0, 3, 4), "it is off"
    finally:
        gc.set_threshold(*before)
