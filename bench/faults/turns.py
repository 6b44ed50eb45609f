"""Whose turn it is to use the machine."""

from __future__ import annotations

import threading


class Turn:
    """A measurement's turn: one has it at a time, and who only waits gives it up early.

    Args:
        machine: held by the one whose turn it is.
    """

    def __init__(self, machine: threading.Lock) -> None:
        self._machine = machine
        self._is_mine = False

    def take(self) -> None:
        """Wait for it."""
        self._machine.acquire()
        self._is_mine = True

    def give_up(self) -> None:
        """Let the next one begin, while this one goes on with next to no load; once is enough."""
        if self._is_mine:
            self._is_mine = False
            self._machine.release()
