"""Who is told when something happens to the location."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from codeserver.lifecycle import State
from codeserver.supervisor.generation import LoadFailure
from codeserver.supervisor.host import Host


class News:
    """Tells listeners of states, and of the ends of loads.

    Args:
        state: the state now.

    Attributes:
        next_load: done when the next load has ended.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._of_states: list[Callable[[State], None]] = []
        self._of_loads: list[Callable[[LoadFailure | Host], None]] = []
        self.next_load: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_change(self, listener: Callable[[State], None]) -> None:
        """Call `listener` with the state now, and at every change."""
        self._of_states.append(listener)
        listener(self._state)

    def on_load(self, listener: Callable[[LoadFailure | Host], None]) -> None:
        """Call `listener` at the end of each load with what came of it."""
        self._of_loads.append(listener)

    def state_is(self, state: State) -> None:
        """Tell of a change, which may be one within the same state."""
        self._state = state
        for listener in self._of_states:
            listener(state)

    def load_has_ended(self, outcome: LoadFailure | Host) -> None:
        """Tell what came of a load."""
        for listener in self._of_loads:
            listener(outcome)
        ended, self.next_load = self.next_load, asyncio.get_running_loop().create_future()
        ended.set_result(None)
