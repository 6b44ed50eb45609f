"""What watchers of a location are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from codeserver.api import v1
from codeserver.front.typed_api.watching import Watching
from codeserver.lifecycle import State
from codeserver.serving import Broken, Live, Nothing
from codeserver.supervisor.current import Served
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.loading.failure import LoadCounts, LoadFailure
from codeserver.supervisor.loading.snapshot import Definitions, Snapshot
from tests.unit.waiting import soon

FAILURE = LoadFailure(b"", "what is wrong", "digest")


def generation(number: int, definitions: Definitions) -> Served:
    known: asyncio.Future[Definitions | None] = asyncio.get_running_loop().create_future()
    known.set_result(definitions)
    host: Any = _Host(Snapshot(b"", {}, "digest", {}, known))
    pool: Any = None
    return Live(Generation(number, host, pool, host.snapshot, 1.0))


@dataclass(frozen=True, eq=False)
class _Host:
    snapshot: Snapshot
    run_modes: Any = field(default_factory=lambda: SimpleNamespace(verdict=None))


@dataclass
class Location:
    """One whose state a test sets."""

    state: State = State.LOADING
    served: Served = field(default_factory=Nothing)
    loads: int = 0
    unloaded_at: float | None = None
    listeners: list[Callable[[Any], None]] = field(default_factory=list)

    def on_change(self, listener: Callable[[State], None]) -> None:
        self.listeners.append(listener)
        listener(self.state)

    def on_load_end(self, listener: Callable[[Any], None]) -> None:
        self.listeners.append(listener)

    @property
    def current(self) -> Location:
        return self

    @property
    def load_counts(self) -> LoadCounts:
        return LoadCounts(self.loads, 0, False)

    def move(self, state: State, served: Served | None = None) -> None:
        self.state = state
        if served is not None:
            self.served = served
            self.loads += 1
        for listener in self.listeners:
            listener(state)


class Messages:
    """As much of a message as a test looks at."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def make(self) -> v1.Location:
        return v1.Location(state=f"STATE_{self._location.state.name}")


def watched() -> tuple[Location, Watching]:
    location = Location()
    messages: Any = Messages(location)
    found: Any = location
    return location, Watching(found, messages)


async def told(stream: AsyncIterator[v1.WatchLocationResponse]) -> tuple[str, list[str]]:
    """The next state, and what is different."""
    response = await soon(stream.__anext__())
    signs = {1: "+", 2: "~", 3: "-"}
    changes = [f"{signs[each.action]}{each.kind} {each.name}" for each in response.changes]
    return v1.Location.State.Name(response.location.state), changes


async def test_a_watcher_is_told_the_state_and_every_change() -> None:
    location, watching = watched()
    stream = watching.responses()
    assert await told(stream) == ("STATE_LOADING", [])
    location.move(State.READY, generation(1, {"job": {"a": "1", "b": "1"}}))
    assert await told(stream) == ("STATE_READY", [])  # nothing was served before
    location.move(State.RELOADING)
    assert await told(stream) == ("STATE_RELOADING", [])
    location.move(State.READY, generation(2, {"job": {"b": "2", "c": "1"}}))
    assert await told(stream) == ("STATE_READY", ["+job c", "~job b", "-job a"])
    location.move(State.FAILED, Broken(FAILURE))
    assert await told(stream) == ("STATE_FAILED", [])
    location.move(State.READY, generation(3, {"job": {"c": "1"}}))
    assert await told(stream) == ("STATE_READY", ["-job b"])  # since code was served last


async def test_a_slow_watcher_is_told_what_is_so_now() -> None:
    location, watching = watched()
    location.move(State.READY, generation(1, {"job": {"a": "1"}}))
    stream = watching.responses()
    assert await told(stream) == ("STATE_READY", [])
    for number in range(2, 6):
        location.move(State.RELOADING)
        location.move(State.READY, generation(number, {"job": {f"job_{number}": "1"}}))
    assert await told(stream) == ("STATE_READY", ["+job job_5", "-job a"])
    waiting = asyncio.ensure_future(stream.__anext__())
    await asyncio.sleep(0)
    assert not waiting.done()
    watching.end()
    with pytest.raises(StopAsyncIteration):
        await soon(waiting)


async def test_the_end_of_the_server_ends_a_stream_after_the_last_word() -> None:
    location, watching = watched()
    stream = watching.responses()
    assert await told(stream) == ("STATE_LOADING", [])
    location.move(State.DRAINING)
    watching.end()
    assert await told(stream) == ("STATE_DRAINING", [])
    with pytest.raises(StopAsyncIteration):
        await soon(stream.__anext__())
