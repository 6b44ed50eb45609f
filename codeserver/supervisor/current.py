"""The state of a location, the value that it serves, and the listeners for changes."""

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
    """The state and the served value; begins in the state LOADING with nothing to serve.

    Args:
        fixed_server_id: the operator's `--fixed-server-id`, if any.

    Attributes:
        served: the served generation or error.
        settled: set when something is served, or never will be.
        next_load_end: done when the next load has ended.
        server_id: changes with the content that clients see; empty while nothing is served.
        has_loaded: whether the newest load that has ended has worked.
    """

    def __init__(self, fixed_server_id: str | None) -> None:
        self.served: Served = Nothing()
        self.settled = asyncio.Event()
        self.next_load_end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.server_id = ""
        self.has_loaded = False
        self._state = State.LOADING
        self._ids = ServerIds(fixed_server_id)
        self._on_change: list[Callable[[State], None]] = []
        self._on_load_end: list[Callable[[LoadFailure | Host], None]] = []

    @property
    def state(self) -> State:
        """The state that clients see."""
        return lifecycle.shown(self._state)

    @property
    def is_ending(self) -> bool:
        """Whether the server is shutting down."""
        return self._state in (State.DRAINING, State.STOPPED)

    @property
    def unloaded_at(self) -> float | None:
        """The time of the unload in seconds since the epoch; None if the code is not unloaded."""
        served = self.served
        if isinstance(served, Hollow) and served.why is Absence.UNLOADED:
            return served.since
        return None

    def on_change(self, listener: Callable[[State], None]) -> None:
        """Call `listener` with the state, now and at every change."""
        self._on_change.append(listener)
        listener(self.state)

    def on_load_end(self, listener: Callable[[LoadFailure | Host], None]) -> None:
        """Call `listener` at the end of each load with its result."""
        self._on_load_end.append(listener)

    def move(self, event: Event) -> None:
        """Enter the state that follows this event."""
        self._state = lifecycle.after(self._state, event)
        self.tell()

    def serve(self, served: Served, digest: str | None = None) -> None:
        """Serve this value from now on; the digest of what clients see is None for no change."""
        self.served = served
        if digest is not None:
            self.server_id = self._ids.take(digest, time.monotonic())
        self.settled.set()

    def empty(self, generation: Generation, why: Absence) -> None:
        """Note that the host of this generation is gone, if the generation is served."""
        if isinstance(self.served, Live) and self.served.generation is generation:
            self.served = Hollow(generation, why, time.time(), self.served.failure)

    def tell(self) -> None:
        """Call the listeners for changes, even if the state is the same."""
        for listener in self._on_change:
            listener(self.state)

    def report_load(self, result: LoadFailure | Host) -> None:
        """Report the result of a load to the listeners for loads."""
        self.has_loaded = not isinstance(result, LoadFailure)
        for listener in self._on_load_end:
            listener(result)
        ended, self.next_load_end = self.next_load_end, asyncio.get_running_loop().create_future()
        ended.set_result(None)
