"""The memory of long messages, given back to the system a little after them."""

from __future__ import annotations

import asyncio
import gc

from codeserver.system.memory import give_back

_SECONDS = 5.0


class Freeing:
    """Gives memory back once for all long messages of some seconds."""

    def __init__(self) -> None:
        self._ended = 0
        self._is_due = False

    def soon(self) -> None:
        """Note the end of a call with a long message."""
        self._ended += 1
        if not self._is_due:
            self._wait()

    def _wait(self) -> None:
        self._is_due = True
        asyncio.get_running_loop().call_later(_SECONDS, self._begin, self._ended)

    def _begin(self, ended: int) -> None:
        self._is_due = False
        # gRPC has some messages in circles, of which a server that rests would not find the last.
        gc.collect()
        asyncio.get_running_loop().run_in_executor(None, give_back)
        if ended < self._ended:
            self._wait()  # for those that have ended since
