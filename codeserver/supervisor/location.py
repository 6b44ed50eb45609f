"""The code location: its state, its generations, and everything that happens to them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from codeserver import lifecycle
from codeserver.config import Config
from codeserver.errors import Draining, WorkerCrashed
from codeserver.lifecycle import Event, State
from codeserver.supervisor import host as hosts
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Forker
from codeserver.supervisor.forkserver import ForkServer, Spawned, spawn
from codeserver.supervisor.generation import (
    LoadFailure,
    Snapshot,
    describe_counts,
)
from codeserver.supervisor.host import Host, LoadFailed
from codeserver.supervisor.load_order import load_order
from codeserver.supervisor.pool import Pool, Reply
from codeserver.supervisor.runs import Launch, Runs
from codeserver.supervisor.server_ids import ServerIds
from codeserver.supervisor.tasks import Tasks
from codeserver.target import Target

_log = logging.getLogger("codeserver")

_FIRST_REVIVAL = 0.5
_LONGEST_REVIVAL = 30.0
_STABLE_SECONDS = 60.0

KEEP_STATE: Any = object()
"""For `Location.reload`: load the component state that is loaded now."""


@dataclass(frozen=True)
class Generation:
    """One load of the code that is, or was, served."""

    number: int
    host: Host
    pool: Pool

    @property
    def snapshot(self) -> Snapshot:
        """What clients are told about it."""
        return self.host.snapshot


class NotLoaded(Exception):
    """The code failed to load, so there is nothing to answer with.

    Attributes:
        failure: what clients are shown instead.
    """

    def __init__(self, failure: LoadFailure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class Location:
    """A code location that is loaded, served, reloaded and shut down.

    Args:
        config: the operator's settings.
        target: what to load.
        spawned: a forkserver that was started ahead of time, if any.

    Attributes:
        runs: the runs that it executes.
        last_failure: why the newest load failed, None when it did not.
        served_on: the addresses, for the log.
    """

    def __init__(self, config: Config, target: Target, spawned: Spawned | None = None) -> None:
        self._config = config
        self._target = target
        self._spawned = spawned
        self._tasks = Tasks()
        self._slots = asyncio.Semaphore(config.max_workers)
        self._forkserver: ForkServer | None = None
        self._state = State.LOADING
        self._listeners: list[Callable[[State], None]] = []
        self._settled = asyncio.Event()
        self._generations: set[Generation] = set()
        self._current: Generation | LoadFailure | None = None
        self._number = 0
        self._ids = ServerIds(config.fixed_server_id)
        self._defs_state_info = config.defs_state_info
        self._wanted_state_info = config.defs_state_info
        self._deaths = 0
        self._closing = False
        self._loading: asyncio.Task[LoadFailure | None] | None = None
        self._queued: asyncio.Task[LoadFailure | None] | None = None
        self.runs = Runs(self._tasks, self._caretakers)
        self.last_failure: LoadFailure | None = None
        self.served_on = "no address"

    @property
    def state(self) -> State:
        """What the location is doing."""
        return self._state

    @property
    def busy(self) -> int:
        """How many requests evaluators are answering."""
        return sum(generation.pool.busy for generation in self._generations)

    @property
    def queued(self) -> int:
        """How many requests wait for a free evaluator."""
        return sum(generation.pool.queued for generation in self._generations)

    @property
    def is_loading(self) -> bool:
        """Whether a load is under way or about to begin."""
        return self._queued is not None or self._state in (State.LOADING, State.RELOADING)

    @property
    def defs_state_info(self) -> str | None:
        """The serialized `DefsStateInfo` that is loaded, None for the newest versions."""
        return self._defs_state_info

    def on_change(self, listener: Callable[[State], None]) -> None:
        """Call `listener` with the state now, and at every change."""
        self._listeners.append(listener)
        listener(self._state)

    async def generation(self) -> Generation:
        """What is served, after the first load has ended.

        Raises:
            NotLoaded: the code failed to load.
        """
        await self._settled.wait()
        if isinstance(self._current, Generation):
            return self._current
        if self._current is None:
            raise Draining("The server was shut down before its code was loaded.")
        raise NotLoaded(self._current)

    async def server_id(self) -> str:
        """The id that changes when what clients are told changes."""
        await self._settled.wait()
        return self._ids.current

    async def evaluate(
        self, rpc: str, argument: bytes, extra: Mapping[str, Any], timeout: float
    ) -> Reply:
        """Have user code answer a request; see `Pool.evaluate`.

        Raises:
            NotLoaded: the code failed to load.
        """
        return await (await self.generation()).pool.evaluate(rpc, argument, extra, timeout)

    async def start_run(self, run_id: str, arguments: bytes) -> Launch:
        """Execute a run with the code that is served now.

        Raises:
            Draining: the server is shutting down.
            NotLoaded: the code failed to load.
        """
        if self._is_ending:
            raise Draining("Tried to start a run on a server after telling it to shut down")
        generation = await self.generation()
        starting = self._tasks.start(
            f"start run {run_id}", self.runs.start(run_id, arguments, generation.host.forker)
        )
        # Until it has begun, the generation counts as busy, so that a reload does not end its host.
        generation.pool.hold()
        starting.add_done_callback(lambda _: generation.pool.release())
        # Shielded: a caller that gives up does not leave a run half started.
        return await asyncio.shield(starting)

    async def reload(self, defs_state_info: Any = KEEP_STATE) -> LoadFailure | None:
        """Load the code as it is on disk now or later, and serve that.

        Calls that come while a load is under way share one further load: each sees the code as it
        was when it called, or newer.

        Args:
            defs_state_info: serialized versions of component state to load from now on.

        Returns:
            None, or why the new code could not be loaded.
        """
        if self._is_ending:
            raise Draining("The server is shutting down and loads no code.")
        if defs_state_info is not KEEP_STATE:
            self._wanted_state_info = defs_state_info
        if self._queued is None:
            self._queued = self._tasks.start("load", self._load_after(self._loading))
        task = self._queued
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise Draining("The server was shut down before the code was loaded.") from None
            raise

    async def finish(self, grace: float | None, hurry: asyncio.Event) -> None:
        """Take no new runs, and let requests and runs finish; everything is still answered.

        Args:
            grace: seconds they may take, None for as long as they need. Runs that take longer are
                interrupted, and then killed.
            hurry: when set, the grace is over.
        """
        self._move(Event.DRAIN)
        for load in (self._queued, self._loading):
            if load is not None:
                load.cancel()
        work = asyncio.gather(
            self.runs.finished(), *(generation.pool.drain() for generation in self._generations)
        )
        hurrying: asyncio.Future[bool] = asyncio.ensure_future(hurry.wait())
        ends: list[asyncio.Future[Any]] = [work, hurrying]
        await asyncio.wait(ends, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        work.cancel()
        await asyncio.gather(work, hurrying, return_exceptions=True)
        await self.runs.interrupt_all()

    async def close(self) -> None:
        """End every process."""
        self._closing = True
        for generation in list(self._generations):
            generation.pool.end()
            await self._retire(generation)
        if self._forkserver is not None:
            await self._forkserver.close()
        elif self._spawned is not None:
            await asyncio.to_thread(self._spawned.discard)
        await self._tasks.close()
        self._settled.set()
        self._move(Event.STOPPED)

    @property
    def _is_ending(self) -> bool:
        return self._state in (State.DRAINING, State.STOPPED)

    def _move(self, event: Event) -> None:
        self._state = lifecycle.after(self._state, event)
        for listener in self._listeners:
            listener(self._state)

    async def _load_after(
        self, previous: asyncio.Task[LoadFailure | None] | None
    ) -> LoadFailure | None:
        if previous is not None:
            await asyncio.wait([previous])
        self._loading, self._queued = self._queued, None
        if self._state in (State.READY, State.FAILED):
            self._move(Event.RELOAD)
        self._number += 1
        number, started = self._number, time.monotonic()
        wanted = self._wanted_state_info
        try:
            host = await self._load_host()
        except LoadFailed as error:
            if self._wanted_state_info is wanted:
                self._wanted_state_info = self._defs_state_info
            self._take_failure(number, error.failure)
            return error.failure
        self._defs_state_info = wanted
        self._take(Generation(number, host, self._pool(host)), time.monotonic() - started)
        return None

    async def _load_host(self) -> Host:
        timeout = self._config.startup_timeout or None
        try:
            forkserver = self._living_forkserver()
            return await hosts.load(
                forkserver.forker,
                load_order(self._config, self._target, self._wanted_state_info),
                timeout,
                self._tasks,
            )
        except (WorkerCrashed, OSError) as error:
            raise hosts.no_host(error) from error

    def _caretakers(self) -> Forker:
        """What to fork a caretaker from: a host has the environment that the code was loaded in."""
        if isinstance(self._current, Generation) and not self._current.host.ended.done():
            return self._current.host.forker
        return self._living_forkserver().forker

    def _living_forkserver(self) -> ForkServer:
        if self._closing:
            raise WorkerCrashed("The server is shutting down.")
        if self._forkserver is None or self._forkserver.ended.done():
            spawned, self._spawned = self._spawned or spawn(), None
            self._forkserver = ForkServer(spawned, self._tasks)
        return self._forkserver

    def _pool(self, host: Host) -> Pool:
        return Pool(host.forker, self._slots, self._tasks)

    def _take(self, generation: Generation, seconds: float) -> None:
        """Serve this generation; let the one before finish what it does."""
        before, self._current = self._current, generation
        self._generations.add(generation)
        self._ids.take(generation.snapshot.digest, time.monotonic())
        self.last_failure = None
        self._settled.set()
        if self._state in (State.LOADING, State.RELOADING):
            self._move(Event.LOADED)
        if isinstance(before, Generation):
            self._tasks.start(f"retire generation {before.number}", self._retire(before))
        self._tasks.start(f"watch generation {generation.number}", self._revive(generation))
        self._log_loaded(generation, seconds)

    def _take_failure(self, number: int, failure: LoadFailure) -> None:
        self.last_failure = failure
        keep = isinstance(self._current, Generation) and self._config.on_reload_error == "keep"
        if not keep:
            before, self._current = self._current, failure
            self._ids.take(failure.digest, time.monotonic())
            if isinstance(before, Generation):
                self._tasks.start(f"retire generation {before.number}", self._retire(before))
        self._settled.set()
        if self._state in (State.LOADING, State.RELOADING):
            self._move(Event.KEPT if keep else Event.FAILED)
        if keep:
            outcome = "the code loaded before is served on"
        elif number == 1 and self._config.on_load_error == "exit":
            outcome = "the server exits"
        else:
            outcome = "the error is served"
        _log.error(
            "load #%d of %s failed, %s\n%s", number, self._target.label, outcome, failure.text
        )

    async def _retire(self, generation: Generation) -> None:
        await generation.pool.drain()
        generation.pool.close()
        await self._runs_of(generation)
        await generation.host.close()
        self._generations.discard(generation)

    async def _runs_of(self, generation: Generation) -> None:
        for child in generation.host.forker.children:
            if child.role == "run":
                await child.ended()

    async def _revive(self, generation: Generation) -> None:
        """Load the code again when its host dies; cached answers go on meanwhile."""
        born = time.monotonic()
        await asyncio.wait([generation.host.ended])
        if time.monotonic() - born > _STABLE_SECONDS:
            self._deaths = 0
        self._closing = False
        code = generation.host.ended.result()
        while self._current is generation and not self._is_ending:
            await self._revive_once(generation, explain_exit(code))

    async def _revive_once(self, generation: Generation, how: str) -> None:
        self._deaths += 1
        pause = min(_FIRST_REVIVAL * 2 ** (self._deaths - 1), _LONGEST_REVIVAL)
        _log.error(
            "the host of generation %d %s; loading again in %.1f s",
            generation.number,
            how,
            pause,
        )
        await asyncio.sleep(pause)
        if self._current is generation and not self._is_ending:
            # Draining when the server is told to stop meanwhile.
            with contextlib.suppress(Draining):
                await self.reload()

    def _log_loaded(self, generation: Generation, seconds: float) -> None:
        snapshot = generation.snapshot
        phases = ", ".join(f"{name} {value:.2f}" for name, value in snapshot.seconds.items())
        _log.info(
            "load #%d: serving %s on %s after %.2f s (%s): %s",
            generation.number,
            self._target.label,
            self.served_on,
            seconds,
            phases,
            describe_counts(snapshot.counts),
        )
