"""When Python looks for garbage, in a process that imports much, works a while and ends."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_WHILE_LOADING = (50_000, 20, 50)
"""Often enough that garbage does not pile up, and seldom enough that it takes no time."""


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
