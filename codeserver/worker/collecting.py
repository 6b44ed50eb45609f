"""When Python looks for garbage, in a process that imports much, works a while and ends."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import compress
from types import CoroutineType, GeneratorType
from typing import Any

_WHILE_LOADING = (50_000, 20, 50)
"""Often enough that garbage does not pile up, and seldom enough that it takes no time."""

_ENDED_BY_THE_KERNEL = ("socket", "_socket", "ssl")
"""Modules with classes whose finalizers only close sockets."""


@contextmanager
def none_while_importing() -> Iterator[None]:
    """Do not look for garbage in here, and leave alone for ever what is there afterwards."""
    before = gc.get_threshold()
    gc.set_threshold(0)
    try:
        yield
    finally:
        gc.set_threshold(*before)
    gc.freeze()


def seldom() -> Callable[[], None]:
    """Look for garbage seldom from now on.

    Returns:
        What makes it as it was before, unless somebody has set it otherwise meanwhile.
    """
    before = gc.get_threshold()
    if before[0] == 0:
        return lambda: None
    gc.set_threshold(*_WHILE_LOADING)
    # Not each version of Python keeps all of them.
    meanwhile = gc.get_threshold()

    def as_before() -> None:
        if gc.get_threshold() == meanwhile:
            gc.set_threshold(*before)

    return as_before


def none_at_exit() -> None:
    """Do not look for garbage when the interpreter ends, if none could do anything.

    Python looks at everything several times then, which takes a tenth of a second and more, to
    call the finalizers of what only refers to itself. Without any finalizer nothing is missed.
    """
    # The first that is registered is called last.
    atexit.register(_spare_the_last)


def _spare_the_last() -> None:
    # Objects can be stranger than one thinks; then the end is Python's own.
    with suppress(Exception):
        if not has_finalizers(gc.get_objects()):
            gc.freeze()


def has_finalizers(objects: list[Any]) -> bool:
    """Whether one of these does something when it is collected, beyond giving memory back."""
    kinds = {kind for kind in set(map(type, objects)) if hasattr(kind, "__del__")}
    # Among all objects of a process, these are few, and to be found without a loop in Python.
    with_finalizer = compress(objects, map(kinds.__contains__, map(type, objects)))
    return any(map(_does_something, with_finalizer))


def _does_something(thing: Any) -> bool:
    kind = type(thing)
    if isinstance(thing, GeneratorType):
        return thing.gi_frame is not None
    if isinstance(thing, CoroutineType):
        return thing.cr_frame is not None
    if kind.__module__ in _ENDED_BY_THE_KERNEL:
        return False
    if kind.__module__ == "_io":
        return not thing.closed and thing.writable()
    if kind.__module__ == "asyncio.unix_events":
        return not thing.is_closed()
    return True
