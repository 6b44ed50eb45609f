"""The state of a location and the value that it serves, and who is told when they change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from codeserver import lifecycle, serving
from codeserver.lifecycle import Event, State
from codeserver.serving import Absence, Hollow, Live, Nothing
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.host import Host
from codeserver.supervisor.server_ids import ServerIds

Served = serving.Served[LoadFailure, Generation]


class Current:
    """Begins with nothing to serve, in the state LOADING.

    Args:
        fixed_server_id: the operator's, if any.

    Attributes:
        served: the code that is served, or the error.
        settled: set when something is served, or never will be.
        next_load: done when the next load has ended.
        server_id: changes when clients are told something else; empty while there is nothing.
    """

    def __init__(self, fixed_server_id: str | None) -> None:
        self.served: Served = Nothing()
        self.settled = asyncio.Event()
        self.next_load: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.server_id = ""
        self._state = State.LOADING
        self._ids = ServerIds(fixed_server_id)
        self._on_change: list[Callable[[State], None]] = []
        self._on_load: list[Callable[[LoadFailure | Host], None]] = []

    @property
    def state(self) -> State:
        """The state that clients are told."""
        return lifecycle.shown(self._state)

    @property
    def is_ending(self) -> bool:
        """Whether the server is shutting down."""
        return self._state in (State.DRAINING, State.STOPPED)

    @property
    def unloaded_at(self) -> float | None:
        """Seconds since the epoch, if the code that is served was unloaded."""
        served = self.served
        if isinstance(served, Hollow) and served.why is Absence.UNLOADED:
            return served.since
        return None

    def on_change(self, listener: Callable[[State], None]) -> None:
        """Call `listener` with the state now, and at every change."""
        self._on_change.append(listener)
        listener(self.state)

    def on_load(self, listener: Callable[[LoadFailure | Host], None]) -> None:
        """Call `listener` at the end of each load with its result."""
        self._on_load.append(listener)

    def move(self, event: Event) -> None:
        """Be in the state that follows this event."""
        self._state = lifecycle.after(self._state, event)
        self.tell()

    def serve(self, served: Served, digest: str | None = None) -> None:
        """Serve this from now on.

        Args:
            served: the value.
            digest: identifies the content that clients are told; None when that is as before.
        """
        self.served = served
        if digest is not None:
            self.server_id = self._ids.take(digest, time.monotonic())
        self.settled.set()

    def empty(self, generation: Generation, why: Absence) -> None:
        """Note that the process with the code of this generation is gone, if that is served."""
        if isinstance(self.served, Live) and self.served.generation is generation:
            self.served = Hollow(generation, why, time.time(), self.served.failure)

    def tell(self) -> None:
        """Tell of a change, which may be one within the same state."""
        for listener in self._on_change:
            listener(self.state)

    def load_has_ended(self, result: LoadFailure | Host) -> None:
        """Tell the result of a load."""
        for listener in self._on_load:
            listener(result)
        ended, self.next_load = self.next_load, asyncio.get_running_loop().create_future()
        ended.set_result(None)
