"""The code location: its state, its generations, and everything that happens to them."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from codeserver import lifecycle
from codeserver.config import Config
from codeserver.errors import Draining
from codeserver.lifecycle import Event, State
from codeserver.settings import parse_duration
from codeserver.supervisor.absent import Absent
from codeserver.supervisor.forker import Forker
from codeserver.supervisor.forkserver import ForkServers
from codeserver.supervisor.generation import LoadCounts, LoadFailure, NotLoaded
from codeserver.supervisor.host import Host, LoadFailed
from codeserver.supervisor.idle import Idle, wake
from codeserver.supervisor.importing import Importing
from codeserver.supervisor.load_log import LoadLog, Outcome
from codeserver.supervisor.loader import Loader
from codeserver.supervisor.loads import Loads
from codeserver.supervisor.names import shown
from codeserver.supervisor.news import News
from codeserver.supervisor.output import Outputs
from codeserver.supervisor.pool import Pools, Reply
from codeserver.supervisor.request import Request
from codeserver.supervisor.revival import Reviver
from codeserver.supervisor.runs import Launch, Runs
from codeserver.supervisor.served import Generation, handed_over, unchanged
from codeserver.supervisor.server_ids import ServerIds
from codeserver.supervisor.slots import Slots
from codeserver.supervisor.spawning import Spawned
from codeserver.supervisor.tasks import Tasks
from codeserver.target import Target

_log = logging.getLogger("codeserver")

_RUN_PATIENCE = 60.0
"""Seconds that the start of a run waits for code that is being loaded again."""

_CLOSE_SECONDS = 10.0
"""How long generations may take to end, before the forkserver ends and they end with it."""

KEEP_STATE: Any = object()
"""For `Location.reload`: load the component state that is loaded now."""


class Location:
    """A code location that is loaded, served, reloaded and shut down.

    Args:
        config: the operator's settings.
        target: what to load.
        spawned: a forkserver that was started ahead of time, if any.

    Attributes:
        on_change: as of `News`, of the location's states.
        on_load: likewise, of its loads.
        log: tells people of each load.
        runs: the runs that it executes.
        importing: which processes load the code now.
        last_failure: why the newest load failed, None when it did not.
        unloaded_at: when the code that is served was unloaded because nothing needed it, in seconds
            since the epoch; None while it is loaded.
        imports: how long each import of the newest load took, if that is measured.
        imported_late: called with `Pool.imported` files, if files are watched.
    """

    def __init__(self, config: Config, target: Target, spawned: Spawned | None = None) -> None:
        self._config = config
        self._tasks = Tasks()
        self._outputs = Outputs()
        self._pools = Pools(config, self._tasks)
        self._forkservers = ForkServers(spawned, self._outputs, self._tasks)
        self._state = State.LOADING
        self._news = News(self._state)
        self.on_change, self.on_load = self._news.on_change, self._news.on_load
        self._settled = asyncio.Event()
        self._generations: set[Generation] = set()
        self._current: Generation | LoadFailure | None = None
        self._number = 0
        self._ids = ServerIds(config.fixed_server_id)
        self._defs_state_info = config.defs_state_info
        self._wanted_state_info = config.defs_state_info
        self._idle = Idle(parse_duration(config.idle_unload), self._unload)
        self._reviver = Reviver(self.reload, self._is_served, self._tasks)
        self._is_finishing = False
        self._loads = Loads(partial(self._idle.kept_off_by, self._load), self._tasks)
        self.importing = Importing()
        self._loader = Loader(
            config,
            target,
            self._forkservers,
            outputs=self._outputs,
            tasks=self._tasks,
            importing=self.importing,
            outdated=self.reload_changed,
        )
        self.runs = Runs(self._tasks, self._caretakers, self._idle)
        self.last_failure: LoadFailure | None = None
        self.unloaded_at: float | None = None
        self.imports: Sequence[Mapping[str, Any]] = ()
        self._failed = 0
        self.imported_late: Callable[[Mapping[str, Any]], None] = lambda _: None
        self.log = LoadLog(target.label)

    @property
    def state(self) -> State:
        """What the location is doing."""
        return self._state

    @property
    def queue(self) -> Slots:
        """Who evaluates user code, and who waits for it."""
        return self._pools.lanes.user_code

    @property
    def is_loading(self) -> bool:
        """Whether a load is under way or about to begin."""
        return self._loads.is_under_way

    @property
    def load_counts(self) -> LoadCounts:
        """How often the code was loaded."""
        return LoadCounts(self._number, self._failed, self.last_failure is not None)

    @property
    def defs_state_info(self) -> str | None:
        """The serialized `DefsStateInfo` that is loaded, None for the newest versions."""
        return self._defs_state_info

    @property
    def served(self) -> Generation | LoadFailure | None:
        """The code that is served, or the error; None before the first load has ended."""
        return self._current

    def restore(self, absent: Absent, created_at: float) -> None:
        """Serve what was known of the code at this time, until the first load has ended."""
        pool = self._pools.make(absent.starter)
        self._current = Generation(0, absent, pool, absent.snapshot, 0.0, created_at)
        self._generations.add(self._current)
        self._ids.take(absent.snapshot.digest, time.monotonic())
        self.log.restored(absent.snapshot)
        self._settled.set()
        self._move(Event.RESTORED)

    async def generation(self, patience: float | None = None) -> Generation:
        """What is served, after the first load has ended.

        Args:
            patience: seconds that the first load may take; None for any time.

        Raises:
            NotLoaded: the code failed to load.
            StillLoading: the first load takes longer.
        """
        await self._loader.progress.wait_for(self._settled, patience)
        if isinstance(self._current, Generation):
            return self._current
        if self._current is None:
            raise Draining("The server was shut down before its code was loaded.")
        raise NotLoaded(self._current)

    async def _living_generation(self, patience: float, subject: str) -> Generation:
        """What is served; when its host is gone, what is loaded in its place."""
        deadline = time.monotonic() + patience
        while True:
            while self.unloaded_at is not None:
                await self._wake(subject, deadline - time.monotonic())
            generation = await self.generation()
            left = deadline - time.monotonic()
            is_hopeless = left <= 0 or self._state is State.LOST or self._is_ending
            if is_hopeless or not generation.host.ended.done():
                return generation
            await asyncio.wait([self._news.next_load], timeout=left)

    async def _wake(self, subject: str, patience: float) -> None:
        """Have code that was unloaded loaded again, for whoever needs it."""
        if self._is_ending:
            raise Draining("The server is shutting down and loads no code.")
        if self._state is State.LOST and self.last_failure is not None:
            raise NotLoaded(self.last_failure, kept=True)
        await wake(self._loads, subject, patience)

    def _unload(self) -> None:
        """End the processes of what is served; answers go on."""
        served, is_settled = self._current, self._state is State.READY and not self.is_loading
        if not isinstance(served, Generation) or served.host.ended.done():
            return
        # The code that is kept when newer code does not load is nowhere else.
        if not is_settled or self.last_failure is not None or self.unloaded_at is not None:
            return
        _log.info("idle for %s: the code is unloaded until a request needs it", self._idle)
        self._tasks.start(f"unload generation {served.number}", self._give_up(served))

    def _give_up(self, served: Generation) -> Coroutine[Any, Any, None]:
        """End the processes of what is served; who needs the code waits for the next load."""
        self.unloaded_at = time.time()
        self._reviver.forget()
        self._news.state_is(self._state)
        return self._retire(served)

    @property
    def current_server_id(self) -> str:
        """The id as of now; empty before the first load has ended."""
        return self._ids.current if self._settled.is_set() else ""

    async def server_id(self) -> str:
        """The id that changes when what clients are told changes."""
        await self._settled.wait()
        return self._ids.current

    async def evaluate(self, request: Request) -> Reply:
        """Have user code answer a request; see `Pool.evaluate`.

        Raises:
            NotLoaded: the code failed to load.
            RequestTimeout: it took longer than it may.
            Draining: the server is shutting down, and finishes what it has begun.
        """
        if self._is_finishing:
            raise Draining("The server is shutting down.")
        deadline = time.monotonic() + request.timeout
        held = self.queue.holding(request.subject, len(request.argument))
        with held, self._idle.kept_off():
            generation = await self._living_generation(request.timeout, request.subject)
            left = deadline - time.monotonic()
            reply = await generation.pool.evaluate(dataclasses.replace(request, timeout=left))
        return dataclasses.replace(reply, generation=generation.number)

    async def start_run(self, run_id: str, job: str, arguments: bytes) -> Launch:
        """Execute a run with the code that is served now.

        Args:
            run_id: of the run.
            job: as `repository/job`.
            arguments: the serialized `ExecuteExternalJobArgs`.

        Raises:
            Draining: the server is shutting down.
            NotLoaded: the code failed to load.
            RequestTimeout: the code was unloaded, and loading it again takes too long.
        """
        if self._is_ending:
            raise Draining("Tried to start a run on a server after telling it to shut down")
        with self._idle.kept_off():
            generation = await self._living_generation(_RUN_PATIENCE, f"run {shown(run_id)}")
        starting = self._tasks.start(
            f"start run {shown(run_id)}", self._start_run(generation, run_id, job, arguments)
        )
        # Until it has begun, the generation is busy, so that a reload does not end its host.
        generation.pool.hold()
        starting.add_done_callback(lambda _: generation.pool.release())
        # Shielded: a caller that gives up does not leave a run half started.
        return await asyncio.shield(starting)

    async def _start_run(
        self, generation: Generation, run_id: str, job: str, arguments: bytes
    ) -> Launch:
        host = generation.host
        starter = await host.run_modes.starter(run_id, job)
        environment = host.surroundings["environment"]
        return await self.runs.start(run_id, arguments, starter, environment)

    async def reload(self, defs_state_info: Any = KEEP_STATE) -> LoadFailure | None:
        """Load the code as it is on disk now or later, and serve that.

        Args:
            defs_state_info: serialized versions of component state to load from now on.

        Returns:
            None, or why the new code could not be loaded.
        """
        if self._is_ending:
            raise Draining("The server is shutting down and loads no code.")
        if defs_state_info is not KEEP_STATE:
            self._wanted_state_info = defs_state_info
        return await self._loads.request()

    def reload_changed(self, *, only_if_stuck: bool = False) -> None:
        """Load the code because it has changed; one under way begins anew, maybe if stuck."""
        if not self._is_ending:
            (self._loads.restart_if_stuck if only_if_stuck else self._loads.restart)()

    async def finish(self, delay: float, grace: float | None, hurry: asyncio.Event) -> None:
        """Take no new runs, and let runs and then requests finish.

        Args:
            delay: seconds for which everything else is answered in any case, so that clients
                learn from the health checks to go elsewhere.
            grace: seconds that runs and requests may take after that, None for as long as they
                need. Runs that take longer are interrupted, and then killed.
            hurry: when set, the time is over.
        """
        self._move(Event.DRAIN)
        runs, requests = len(self.runs.current), self._pools.lanes.user_code.running
        if runs or requests:
            _log.info("shutting down; %d runs and %d requests are under way", runs, requests)
        self._loads.cancel()
        await self._tasks.allow("finish", self._finish, delay, grace, hurry)
        await self.runs.end_all()
        for generation in self._generations:
            generation.pool.end()

    async def _finish(self) -> None:
        if self._config.shutdown_runs == "interrupt":
            await self.runs.interrupt_all()
        await self.runs.finished()
        self._is_finishing = True
        await asyncio.gather(*(generation.pool.drain() for generation in self._generations))

    async def close(self) -> None:
        """End every process."""
        self._forkservers.refuse()
        ending = [self._tasks.start("end generation", self._retire(g)) for g in self._generations]
        if ending:
            await asyncio.wait(ending, timeout=_CLOSE_SECONDS)
        await self._forkservers.close()
        await self._tasks.close()
        self._outputs.close()
        self._settled.set()
        self._move(Event.STOPPED)

    @property
    def _is_ending(self) -> bool:
        return self._state in (State.DRAINING, State.STOPPED)

    def _move(self, event: Event) -> None:
        self._state = lifecycle.after(self._state, event)
        self._news.state_is(self._state)

    async def _load(self) -> LoadFailure | None:
        if self._state in (State.READY, State.FAILED, State.LOST):
            self._move(Event.RELOAD)
        started = time.monotonic()
        wanted = self._wanted_state_info
        try:
            load = partial(self._loader.load, wanted)
            host = await handed_over(load, self._current, self._give_up)
        except LoadFailed as error:
            if self._wanted_state_info is wanted:
                self._wanted_state_info = self._defs_state_info
            self._take_failure(error.failure)
            return error.failure
        self._defs_state_info = wanted
        self._take(host, time.monotonic() - started)
        return None

    def _caretakers(self) -> Forker:
        """What to fork a caretaker from: a host has the modules that its instance may need."""
        host = self._current.host if isinstance(self._current, Generation) else None
        if isinstance(host, Host) and host.can_fork:
            return host.forker
        return self._forkservers.living().forker

    def _take(self, host: Host, seconds: float) -> None:
        """Serve what this host has loaded; let the one before finish what it does."""
        self._number += 1
        pool = self._pools.make(host.starter)
        pool.imported = self.imported_late
        before = self._current
        snapshot = unchanged(before, host.snapshot)
        generation = Generation(self._number, host, pool, snapshot, seconds)
        self._current, self.unloaded_at = generation, None
        self._generations.add(generation)
        pool.warm()
        self._ids.take(generation.snapshot.digest, time.monotonic())
        self.last_failure = None
        self.imports = host.imports
        self._settled.set()
        if self._state in (State.LOADING, State.RELOADING, State.LOST):
            self._move(Event.LOADED)
        self._news.load_has_ended(host)
        if isinstance(before, Generation):
            self._tasks.start(f"retire generation {before.number}", self._retire(before))
        self._reviver.watch(generation)
        self._tasks.start("describe", self._idle.kept_off_by(host.complete))
        self._tasks.start("log load", self.log.loaded(generation.number, host, seconds))
        self._loader.prepare_next(host)
        self._tasks.start("rehearse", self._rehearse(host, seconds))

    async def _rehearse(self, host: Host, seconds: float) -> None:
        with self._idle.kept_off():
            await self._loader.rehearse(host, seconds)
        served = self._current
        if isinstance(served, Generation) and served.host is host and not self._is_ending:
            self.log.rehearsed(host)  # the result for replaced code is of no use
        self._news.state_is(self._state)

    def _take_failure(self, failure: LoadFailure) -> None:
        self._number += 1
        self._failed += 1
        self.last_failure = failure
        self.imports = failure.imports
        served = self._current if isinstance(self._current, Generation) else None
        shows = self._config.surfaces_reload_errors and failure.is_of_code
        # What was only restored is not kept: without the code it is good for nothing.
        keep = served is not None and isinstance(served.host, Host) and not shows
        if not keep:
            self._current, self.unloaded_at = failure, None
            self._ids.take(failure.digest, time.monotonic())
            if served is not None:
                self._tasks.start(f"retire generation {served.number}", self._retire(served))
        self._settled.set()
        is_unloaded = self.unloaded_at is not None
        lost = keep and served is not None and (is_unloaded or served.host.ended.done())
        if lost and is_unloaded and served is not None and self._state is State.RELOADING:
            self._reviver.retry(served)
        if self._state in (State.LOADING, State.RELOADING, State.LOST):
            self._move(Event.LOST if lost else Event.KEPT if keep else Event.FAILED)
        self._news.load_has_ended(failure)
        exits = self._number == 1 and self._config.on_load_error == "exit"
        outcome = Outcome.of(is_lost=lost, is_unloaded=is_unloaded, is_kept=keep, exits=exits)
        self.log.failed(self._number, failure, outcome)

    async def _retire(self, generation: Generation) -> None:
        await generation.retire()
        self._generations.discard(generation)

    def _is_served(self, generation: Generation) -> bool:
        return self._current is generation and not self._is_ending
