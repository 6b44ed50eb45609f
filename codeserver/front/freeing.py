"""The memory of long messages, given back to the system a little after them."""

from __future__ import annotations

import asyncio

from codeserver.system.memory import give_back

_SECONDS = 5.0


class Freeing:
    """Gives memory back once for all long messages of some seconds."""

    def __init__(self) -> None:
        self._is_due = False

    def soon(self) -> None:
        """Note the end of a call with a long message."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(_SECONDS, self._begin)

    def _begin(self) -> None:
        self._is_due = False
        asyncio.get_running_loop().run_in_executor(None, give_back)
