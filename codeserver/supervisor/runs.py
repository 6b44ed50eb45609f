"""The runs that this server has started: launched, cancelled, and never lost silently."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codeserver.errors import WorkerCrashed
from codeserver.facts import PinnedInstance
from codeserver.letters import shown
from codeserver.messages import Finished, NotStarted, Recorded, RecordEnd, Run, Started
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.loading.run_modes import RunStart
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.exits import explain_exit, ran_out_of_memory
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.uses import Idle

_log = logging.getLogger("codeserver")

_RECORDING_PAUSES = (0.0, 1.0, 5.0)
_RECORDING_SECONDS = 60.0

Environment = Mapping[str, "str | None"]
"""Variables that loading the code has changed; None for one that is gone."""


@dataclass(frozen=True)
class Launch:
    """The result of a launch.

    Attributes:
        success: whether a process executes the run.
        message: the reason of a failure, if it is not in `error`.
        error: a serialized `SerializableErrorInfo`; empty if there is none.
    """

    success: bool
    message: str | None = None
    error: bytes = b""


class _Run:
    def __init__(self, run_id: str, arguments: bytes, environment: Environment) -> None:
        self.run_id = run_id
        self.subject = f"run {shown(run_id)}"
        self.arguments = arguments
        self.environment = environment
        self.child: Child | None = None
        self.cancelled = False

    async def signal(self, number: signal.Signals) -> None:
        if self.child is not None:
            await self.child.signal(number)


class Runs:
    """The table of runs.

    Args:
        caretakers: returns the process from which caretakers are forked.
        pinned: the only instance that a run may be of, if there is one.
        warm_steps: whether runs fork their steps.
        earlier: the table of the location that this one replaces, whose runs go on.
    """

    def __init__(
        self,
        tasks: Tasks,
        caretakers: Callable[[], Forker],
        idle: Idle,
        *,
        pinned: PinnedInstance | None = None,
        warm_steps: bool,
        earlier: Runs | None = None,
    ) -> None:
        self._earlier: tuple[Runs, ...] = () if earlier is None else earlier._with_earlier()
        self._pinned = pinned
        self._warm_steps = warm_steps
        self._tasks = tasks
        self._caretakers = caretakers
        self._idle = idle
        self._runs: dict[str, _Run] = {}
        self._none = asyncio.Event()
        self._none.set()

    def _with_earlier(self) -> tuple[Runs, ...]:
        """This table, where runs may still start, and the earlier ones that have runs."""
        # Forgotten here as well, or each table would keep all before it.
        self._earlier = tuple(table for table in self._earlier if table._runs)
        return (self, *self._earlier)

    @property
    def current(self) -> list[str]:
        """The ids of the runs in progress, those of replaced locations included."""
        return [run_id for table in (self, *self._earlier) for run_id in table._runs]

    def _of(self, run_id: str) -> _Run | None:
        found = (table._runs.get(run_id) for table in (self, *self._earlier))
        return next(filter(None, found), None)

    async def start_with(
        self, generation: Generation, run_id: str, job: str, arguments: bytes
    ) -> Launch:
        """Execute a run of a job (`repository/job`) with the code of this generation."""
        host = generation.host
        with generation.uses.counted():  # a reload must not end its host before the run has begun
            start = await host.run_modes.start(run_id, job)
            environment = host.report.surroundings.environment
            return await self.start(run_id, arguments, start, environment)

    async def start(
        self, run_id: str, arguments: bytes, start: RunStart, environment: Environment
    ) -> Launch:
        """Execute a run in a process of its own."""
        if self._of(run_id) is not None:
            return Launch(False, f"Run {shown(run_id)} is already being executed by this server.")
        self._none.clear()
        self._idle.begin()
        run = self._runs[run_id] = _Run(run_id, arguments, environment)
        try:
            child = await start.starter.start("run")
        except BaseException as error:
            self._remove(run_id)
            if isinstance(error, WorkerCrashed):
                return Launch(False, str(error))
            raise
        child.output.begin(run.subject)
        run.child = child
        if run.cancelled:
            await child.signal(signal.SIGINT)
        return await self._launch(run, child, start)

    def can_cancel(self, run_id: str) -> bool:
        """Whether `cancel` would have an effect."""
        run = self._of(run_id)
        return run is not None and not run.cancelled

    async def cancel(self, run_id: str) -> bool:
        """Interrupt a run; return whether this server executes it."""
        run = self._of(run_id)
        if run is None:
            return False
        if not run.cancelled:
            # Only once: a second interrupt would stop the clean-up that the first one began.
            run.cancelled = True
            await run.signal(signal.SIGINT)
        return True

    async def finished(self) -> None:
        """Wait until no run is in progress."""
        await self._none.wait()

    async def interrupt_all(self) -> None:
        """Interrupt every run."""
        for run_id in list(self._runs):
            await self.cancel(run_id)

    async def end_all(self) -> None:
        """Interrupt every run, and kill those that do not end soon."""
        running = list(self._runs.values())
        await self.interrupt_all()
        try:
            await asyncio.wait_for(self.finished(), patience.RUN_GRACE)
        except asyncio.TimeoutError:
            await asyncio.gather(*(run.child.kill() for run in running if run.child is not None))
            # Recording the ends needs the instance, which may not answer.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.finished(), patience.RUN_GRACE)

    async def _launch(self, run: _Run, child: Child, start: RunStart) -> Launch:
        channel = child.channel
        try:
            await channel.send(Run(run.arguments, self._pinned, self._warm_steps, start.looks))
            told = await channel.expect(Started, NotStarted)
        except BrokenPipeError:
            told = None
        if isinstance(told, Started):
            self._tasks.start(f"watch {run.subject}", self._watch(run, child))
            return Launch(True)
        code = await child.ended()
        words = child.output.last_words()
        child.close()
        self._remove(run.run_id)
        if told is not None:
            return Launch(False, told.message, told.body)
        message = f"The process of {run.subject} {explain_exit(code)} before the run began."
        return Launch(False, f"{message}\n{words}" if words else message)

    async def _watch(self, run: _Run, child: Child) -> None:
        try:
            finished = await child.channel.expect(Finished)
            code = await child.ended()
            if finished is None:
                _log.warning("the process of %s %s", run.subject, explain_exit(code))
                # What Dagster logs there is in the run's event log.
                words = child.output.last_words(with_log=False) if code else ""
                killed = ran_out_of_memory(code)
                order = RecordEnd(run.arguments, code, killed, words, self._pinned, run.environment)
                await self._record_end(run, order)
        finally:
            child.close()
            self._remove(run.run_id)

    async def _record_end(self, run: _Run, order: RecordEnd) -> None:
        for pause in _RECORDING_PAUSES:
            await asyncio.sleep(pause)
            # The caretaker's parent may have died with the run, or the instance may be unavailable.
            with contextlib.suppress(WorkerCrashed, BrokenPipeError):
                caretaker = await self._caretakers().fork("caretaker")
                caretaker.output.begin(f"end of {run.subject}")
                try:
                    await caretaker.channel.send(order)
                    channel = caretaker.channel
                    recorded = await channel.expect(Recorded, timeout=_RECORDING_SECONDS)
                except asyncio.TimeoutError:
                    recorded = None
                finally:
                    await caretaker.leave(patience.RUN_GRACE, patience.RUN_GRACE)
                    caretaker.close()
                if recorded is not None:
                    return
        _log.error("%s could not be marked as failed", run.subject)

    def _remove(self, run_id: str) -> None:
        if self._runs.pop(run_id, None) is not None:
            self._idle.end()
        if not self._runs:
            self._none.set()
