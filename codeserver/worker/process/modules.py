"""Modules that are imported later than others, found without a look at the others.

Python counts references inside each object. So a look at an object writes to its memory, which a
fork then no longer shares with its parent. The names of all modules of Dagster lie on a thousand
pages.
"""

from __future__ import annotations

import contextlib
import sys

_TRIES = 10


class Since:
    """Finds the modules that are imported after this was made."""

    def __init__(self) -> None:
        self._last = next(reversed(sys.modules), None)

    def names(self) -> list[str]:
        """The names of the later modules, in the order of their imports.

        If the code has removed the module that was the last one before, these are all names.
        """
        for _ in range(_TRIES):
            with contextlib.suppress(RuntimeError):  # a thread is importing
                return self._names()
        return list(sys.modules)

    def _names(self) -> list[str]:
        found = []
        for name in reversed(sys.modules):
            if name == self._last:
                break
            found.append(name)
        return found[::-1]
