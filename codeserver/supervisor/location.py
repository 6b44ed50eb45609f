"""The code location: its state, its generations, and everything that happens to them."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from codeserver.config import Config
from codeserver.errors import Draining
from codeserver.facts import ImportTime
from codeserver.letters import clean, shown
from codeserver.lifecycle import Event, State
from codeserver.serving import Absence, Hollow, Live, Outcome, Policy, after_failure
from codeserver.supervisor.current import Current, Served
from codeserver.supervisor.evaluating.admission import Slots
from codeserver.supervisor.evaluating.evaluators import Evaluators
from codeserver.supervisor.evaluating.pool import Lanes, Pool, Reply
from codeserver.supervisor.evaluating.request import Deadline, Request
from codeserver.supervisor.generation import Generation, handed_over
from codeserver.supervisor.loading.absent import Absent
from codeserver.supervisor.loading.failure import LoadCounts, LoadFailure, NotLoaded
from codeserver.supervisor.loading.host import Host, LoadFailed
from codeserver.supervisor.loading.host_maker import HostMaker, pinned_instance
from codeserver.supervisor.loading.load_log import LoadLog
from codeserver.supervisor.loading.load_queue import LoadQueue
from codeserver.supervisor.loading.starter import Starter
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.forkserver import ForkServers, Source
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.revival import Reviver
from codeserver.supervisor.runs import Launch, Runs
from codeserver.supervisor.shutdown import Shutdown
from codeserver.supervisor.uses import Idle, Importing
from codeserver.target import Target

_log = logging.getLogger("codeserver")

_RUN_PATIENCE = 60.0
"""Seconds that the start of a run waits for code that is being loaded again."""

KEEP_STATE: Any = object()
"""For `Location.reload`: load the component state that is loaded now."""


class Location:
    """A code location that is loaded, served, reloaded and shut down.

    Args:
        source: starts the forkserver.
        whole: the evaluators that all locations may have together, if there are several.
        earlier: the location that this one replaces, whose runs go on.

    Attributes:
        name: its name for clients and in the log.
        forkservers: keep the process that has Dagster imported.
        imports: the slowest imports of the newest load, if they are timed.
        defs_state_info: the serialized `DefsStateInfo` that is loaded; None for the newest one.
        imported_late: called with the sources that requests import, see `Pool`.
        instead: what a reload does instead, if the location with newer settings has failed.
    """

    def __init__(
        self,
        config: Config,
        target: Target,
        source: Source,
        *,
        whole: Slots | None = None,
        earlier: Location | None = None,
    ) -> None:
        self.name = clean(config.location_name or target.label)
        self._config = config
        self._tasks = Tasks()
        self._outputs = Outputs()
        self._lanes = Lanes.of(config, whole)
        self.forkservers = ForkServers(source, self._outputs, self._tasks)
        self.current = Current(config.fixed_server_id)
        self._policy = Policy(config.surfaces_reload_errors, config.on_load_error == "exit")
        self._generations: set[Generation] = set()
        self._number = 0
        self.defs_state_info = config.defs_state_info
        self._wanted_state_info = config.defs_state_info
        self._idle = Idle(config.idle_unload, self._unload)
        self._reviver = Reviver(self.reload, self._is_served, self._tasks)
        self._is_finishing = False
        self._load_queue = LoadQueue(partial(self._idle.kept_off_by, self._load), self._tasks)
        self.importing = Importing()
        self._host_maker = HostMaker(
            config,
            target,
            self.forkservers,
            outputs=self._outputs,
            tasks=self._tasks,
            importing=self.importing,
            outdated=self.reload_changed,
        )
        warm_steps = config.warm_steps == "on"
        self.runs: Runs = Runs(
            *(self._tasks, self._caretakers, self._idle),
            pinned=pinned_instance(config),
            warm_steps=warm_steps,
            earlier=None if earlier is None else earlier.runs,
        )
        self.imports: Sequence[ImportTime] = ()
        self._failed = 0
        self.imported_late: Callable[[Mapping[str, Any]], None] = lambda _: None
        self.log = LoadLog(target.label)
        self.instead: Callable[[], Coroutine[Any, Any, LoadFailure | None]] | None = None

    @property
    def queue(self) -> Slots:
        """The queue of requests that call user code."""
        return self._lanes.user_code

    @property
    def is_loading(self) -> bool:
        """Whether a load is under way or about to begin."""
        return self._load_queue.is_under_way

    @property
    def load_counts(self) -> LoadCounts:
        """The numbers of loads and of failed loads."""
        return LoadCounts(self._number, self._failed, self.current.served.failure is not None)

    def restore(self, absent: Absent, created_at: float) -> None:
        """Serve the code as a snapshot describes it, until the first load has ended."""
        pool = self._pool(absent.starter)
        generation = Generation(0, absent, pool, absent.snapshot, 0.0, created_at)
        self._generations.add(generation)
        served: Served = Hollow(generation, Absence.RESTORED, created_at)
        self.current.serve(served, absent.snapshot.digest)
        self.log.restored(absent.snapshot)
        self.current.move(Event.RESTORED)

    async def first_load(self, patience: float | None = None) -> None:
        """Wait until the first load has ended.

        Raises:
            StillLoading: it takes longer than `patience` seconds.
        """
        await self._host_maker.progress.wait_for(self.current.settled, patience)

    async def generation(self) -> Generation:
        """The served generation; waits for the first load.

        Raises:
            NotLoaded: the code failed to load.
            Draining: the server was shut down before the first load ended.
        """
        await self.first_load()
        served = self.current.served
        if served.generation is not None:
            return served.generation
        if served.failure is not None:
            raise NotLoaded(served.failure)
        raise Draining("The server was shut down before its code was loaded.")

    async def _living_generation(self, deadline: Deadline, subject: str) -> Generation:
        """The served generation; if its host is gone, wait for the next load until `deadline`."""
        current = self.current
        while not isinstance(current.served, Live):
            if current.unloaded_at is not None:
                await self._wake(subject, deadline)
                continue
            generation = await self.generation()
            if deadline.has_passed or current.state is State.LOST or current.is_ending:
                return generation
            if not isinstance(current.served, Live):
                await asyncio.wait([current.next_load_end], timeout=deadline.left)
        return current.served.generation

    async def _wake(self, subject: str, deadline: Deadline) -> None:
        """Load unloaded code again."""
        if self.current.is_ending:
            raise Draining("The server is shutting down and loads no code.")
        failure = self.current.served.failure
        if self.current.state is State.LOST and failure is not None:
            raise NotLoaded(failure, kept=True)
        await self._load_queue.wake(subject, deadline.left)

    def _unload(self) -> None:
        """End the processes of the served generation; answers from its snapshot go on."""
        served = self.current.served
        is_settled = self.current.state is State.READY and not self.is_loading
        # Code that is kept because newer code does not load could not be loaded again.
        if not is_settled or not isinstance(served, Live) or served.failure is not None:
            return
        generation = served.generation
        _log.info("idle for %s: the code is unloaded until a request needs it", self._idle)
        self._tasks.start(f"unload generation {generation.number}", self._give_up(generation))

    def _give_up(self, served: Generation) -> Coroutine[Any, Any, None]:
        """End the processes of the served generation; requests that need them wait for a load."""
        self.current.empty(served, Absence.UNLOADED)
        self._reviver.forget()
        self.current.move(Event.UNLOAD)
        return self._retire(served)

    async def server_id(self) -> str:
        """The id that changes with the content that clients see; waits for the first load."""
        await self.current.settled.wait()
        return self.current.server_id

    async def evaluate(self, request: Request) -> Reply:
        """Have user code answer a request; see `Pool.evaluate`.

        Raises:
            NotLoaded: the code failed to load.
            RequestTimeout: the deadline passed.
            Draining: the server is shutting down and takes no new requests.
        """
        if self._is_finishing:
            raise Draining("The server is shutting down.")
        held = self.queue.holding(request.subject, len(request.argument))
        with held, self._idle.counted():
            generation = await self._living_generation(request.deadline, request.subject)
            with generation.uses.counted():
                reply = await generation.pool.evaluate(request)
        return dataclasses.replace(reply, generation=generation.number)

    async def start_run(self, run_id: str, job: str, arguments: bytes) -> Launch:
        """Execute a run of a job (`repository/job`) with the code that is served now.

        Raises:
            Draining: the server is shutting down.
            NotLoaded: the code failed to load.
            RequestTimeout: the code was unloaded, and loading it again takes too long.
        """
        if self.current.is_ending:
            raise Draining("Tried to start a run on a server after telling it to shut down")
        with self._idle.counted():
            deadline = Deadline.after(_RUN_PATIENCE)
            generation = await self._living_generation(deadline, f"run {shown(run_id)}")
        starting = self.runs.start_with(generation, run_id, job, arguments)
        # Shielded, because a caller that gives up must not leave a run half started.
        return await asyncio.shield(self._tasks.start(f"start run {shown(run_id)}", starting))

    async def reload(self, defs_state_info: Any = KEEP_STATE) -> LoadFailure | None:
        """Load the code that is on disk now, or newer code, with these versions of component state.

        Raises:
            Draining: the server is shutting down.
        """
        if self.current.is_ending:
            raise Draining("The server is shutting down and loads no code.")
        if self.instead is not None:
            return await self.instead()
        if defs_state_info is not KEEP_STATE:
            self._wanted_state_info = defs_state_info
        return await self._load_queue.request()

    def reload_changed(self, *, only_if_stuck: bool = False) -> None:
        """Load the code because it has changed; restart a load, or only one that takes too long."""
        if not self.current.is_ending:
            (self._load_queue.restart_if_stuck if only_if_stuck else self._load_queue.restart)()

    def stays(self, failure: LoadFailure) -> bool:
        """Whether this location stays in its place, because the one with newer settings has failed.

        The failure then counts as that of its own newest load.
        """
        if self._policy.shows_errors or self.current.served.generation is None:
            return False
        if not self.is_loading:
            self.current.move(Event.LOAD)
            self._take_failure(failure)
        return True

    def drain(self) -> None:
        """Take no new runs, and tell clients so."""
        self.current.move(Event.DRAIN)

    async def finish(self, shutdown: Shutdown) -> None:
        """Drain, and let runs and then requests finish within the limits of `shutdown`."""
        self.drain()
        runs, requests = len(self.runs.current), self.queue.running
        if runs or requests:
            _log.info("shutting down; %d runs and %d requests are under way", runs, requests)
        self._load_queue.cancel()
        await shutdown.allow(self._tasks, self._finish)
        await self.runs.end_all()
        for generation in self._generations:
            generation.pool.end()

    async def _finish(self) -> None:
        if self._config.shutdown_runs == "interrupt":
            await self.runs.interrupt_all()
        await self.runs.finished()
        self._is_finishing = True
        await asyncio.gather(*(generation.uses.ended() for generation in self._generations))

    async def close(self) -> None:
        """End every process."""
        self.forkservers.refuse()
        ending = [self._tasks.start("end generation", self._retire(g)) for g in self._generations]
        if ending:
            await asyncio.wait(ending, timeout=patience.CLOSE)
        await self.forkservers.close()
        await self._tasks.close()
        self._outputs.close()
        self.current.settled.set()
        self.current.move(Event.STOPPED)

    async def _load(self) -> LoadFailure | None:
        self.current.move(Event.LOAD)
        started = time.monotonic()
        wanted = self._wanted_state_info
        try:
            load = partial(self._host_maker.make, wanted)
            host = await handed_over(load, self.current.served.generation, self._give_up)
        except LoadFailed as error:
            if self._wanted_state_info is wanted:
                self._wanted_state_info = self.defs_state_info
            self._take_failure(error.failure)
            return error.failure
        self.defs_state_info = wanted
        self._take(host, time.monotonic() - started)
        return None

    def _pool(self, starter: Starter) -> Pool:
        most, is_single = self._config.worker_max_requests, self._config.evaluators == "one"
        evaluators = Evaluators(starter, self._tasks, most, is_single=is_single)
        return Pool(evaluators, self._lanes, self._tasks, self.imported_late)

    def _caretakers(self) -> Forker:
        """The process to fork a caretaker from: a host has the modules of the instance."""
        served = self.current.served.generation
        host = None if served is None else served.host
        if isinstance(host, Host) and host.can_fork:
            return host.forker
        return self.forkservers.living().forker

    def _take(self, host: Host, seconds: float) -> None:
        """Serve the code of this host, and let the previous generation finish its work."""
        self._number += 1
        pool = self._pool(host.starter)
        before = self.current.served.generation
        snapshot = host.snapshot if before is None else host.snapshot.like(before.snapshot)
        generation = Generation(self._number, host, pool, snapshot, seconds)
        self._generations.add(generation)
        pool.evaluators.warm()
        self._serve(Live(generation), snapshot.digest, host.report.imports)
        host.ended.add_done_callback(lambda _: self.current.empty(generation, Absence.DIED))
        self.current.move(Event.LOADED)
        self.current.report_load(host)
        self._reviver.watch(generation)
        self._tasks.start("describe", self._idle.kept_off_by(host.complete))
        self._tasks.start("log load", self.log.loaded(generation.number, host, seconds))
        self._host_maker.prepare_next(host)
        self._tasks.start("rehearse", self._rehearse(host, seconds))

    async def _rehearse(self, host: Host, seconds: float) -> None:
        with self._idle.counted():
            await self._host_maker.rehearse(host, seconds)
        served = self.current.served.generation
        if served is not None and served.host is host and not self.current.is_ending:
            self.log.rehearsed(host)  # the result for replaced code is of no use
        self.current.tell()

    def _take_failure(self, failure: LoadFailure) -> None:
        self._number += 1
        self._failed += 1
        served, is_first = self.current.served, self._number == 1
        step = after_failure(
            served, failure, self._policy, is_of_code=failure.is_of_code, is_first=is_first
        )
        self._serve(step.served, failure.digest, failure.imports)
        was_reloading = self.current.state is State.RELOADING
        if step.outcome is Outcome.UNLOADED and was_reloading and served.generation is not None:
            self._reviver.retry(served.generation)
        self.current.move(step.event)
        self.current.report_load(failure)
        self.log.failed(self._number, failure, step.outcome)

    def _serve(self, served: Served, digest: str, imports: Sequence[ImportTime]) -> None:
        """Serve this value, and let the previous generation finish its work."""
        before = self.current.served.generation
        is_kept = before is not None and before is served.generation
        self.current.serve(served, None if is_kept else digest)
        self.imports = imports
        if before is not None and not is_kept:
            self._tasks.start(f"retire generation {before.number}", self._retire(before))

    async def _retire(self, generation: Generation) -> None:
        await generation.retire()
        self._generations.discard(generation)

    def _is_served(self, generation: Generation) -> bool:
        return self.current.served.generation is generation and not self.current.is_ending
