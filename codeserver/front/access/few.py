"""Calls that need no token: a few at a time, so that they take no place of others."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from codeserver.errors import Overloaded

_MOST = 64
"""Of one host: probes are short, and few watch the health of a server."""


def host_of(context: Any) -> str:
    """The host of a caller, without its port."""
    return str(context.peer()).rpartition(":")[0]


class Few:
    """Counts the calls under way of each host."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()

    @contextlib.contextmanager
    def counted(self, context: Any) -> Iterator[None]:
        """Count a call during the `with` statement.

        Raises:
            Overloaded: its host has enough of them.
        """
        host = host_of(context)
        if self._under_way[host] >= _MOST:
            raise Overloaded(f"One host may have {_MOST} calls without a token under way.")
        self._under_way[host] += 1
        try:
            yield
        finally:
            self._under_way[host] -= 1
            if not self._under_way[host]:
                del self._under_way[host]
