"""The runs that this server has started: launched, cancelled, and never lost silently."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass

from codeserver.errors import WorkerCrashed
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child, Forker
from codeserver.supervisor.tasks import Tasks
from codeserver.wire import Frame

_log = logging.getLogger("codeserver")

_KILL_GRACE = 5.0
_RECORDING_PAUSES = (0.0, 1.0, 5.0)


@dataclass(frozen=True)
class Launch:
    """How a launch went.

    Attributes:
        success: the run's process executes it.
        message: what went wrong, if it is not in `error`.
        error: serialized `SerializableErrorInfo`, empty when there is none.
    """

    success: bool
    message: str | None = None
    error: bytes = b""


class _Run:
    def __init__(self, run_id: str, arguments: bytes, child: Child) -> None:
        self.run_id = run_id
        self.arguments = arguments
        self.child = child
        self.cancelled = False


class Runs:
    """The table of runs.

    Args:
        tasks: owns the watchers of runs.
        caretakers: what to fork the processes from that record lost runs.
    """

    def __init__(self, tasks: Tasks, caretakers: Callable[[], Forker]) -> None:
        self._tasks = tasks
        self._caretakers = caretakers
        self._runs: dict[str, _Run | None] = {}
        self._none = asyncio.Event()
        self._none.set()

    @property
    def current(self) -> list[str]:
        """Ids of the runs that are being executed."""
        return list(self._runs)

    async def start(self, run_id: str, arguments: bytes, host: Forker) -> Launch:
        """Execute a run in a process forked from `host`.

        Args:
            run_id: its id.
            arguments: serialized `ExecuteExternalJobArgs`.
            host: the generation that executes it.
        """
        if run_id in self._runs:
            return Launch(False, f"Run {run_id} is already being executed by this server.")
        self._none.clear()
        self._runs[run_id] = None
        try:
            run = _Run(run_id, arguments, await host.fork("run"))
            self._runs[run_id] = run
            return await self._launch(run)
        except WorkerCrashed as error:
            return Launch(False, str(error))
        finally:
            if self._runs.get(run_id) is None:
                self._remove(run_id)

    def can_cancel(self, run_id: str) -> bool:
        """Whether `cancel` would have an effect."""
        run = self._runs.get(run_id)
        return run is not None and not run.cancelled

    async def cancel(self, run_id: str) -> bool:
        """Interrupt a run; returns whether this server executes it."""
        run = self._runs.get(run_id)
        if run is None:
            return False
        if not run.cancelled:
            # Once only: a second interrupt would break into the clean-up that the first one began.
            run.cancelled = True
            await run.child.signal(signal.SIGINT)
        return True

    async def finished(self) -> None:
        """Wait until no run is being executed."""
        await self._none.wait()

    async def interrupt_all(self) -> None:
        """Interrupt every run, and kill those that do not end soon."""
        running = [run for run in self._runs.values() if run is not None]
        for run in running:
            await self.cancel(run.run_id)
        try:
            await asyncio.wait_for(self.finished(), _KILL_GRACE)
        except asyncio.TimeoutError:
            for run in running:
                await run.child.signal(signal.SIGKILL)
            # Recording their ends needs the instance, which may not answer.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.finished(), _KILL_GRACE)

    async def _launch(self, run: _Run) -> Launch:
        channel = run.child.channel
        try:
            await channel.send(Frame({"kind": "run"}, run.arguments))
            frame = await channel.expect()
        except BrokenPipeError:
            frame = None
        if frame is not None and frame.kind == "started":
            self._tasks.start(f"watch run {run.run_id}", self._watch(run))
            return Launch(True)
        code = await run.child.ended()
        run.child.close()
        self._remove(run.run_id)
        if frame is not None:
            return Launch(False, frame.header["message"], frame.body)
        return Launch(
            False, f"The process of run {run.run_id} {explain_exit(code)} before the run began."
        )

    async def _watch(self, run: _Run) -> None:
        finished = False
        try:
            while (frame := await run.child.channel.expect()) is not None:
                finished = finished or frame.kind == "finished"
            code = await run.child.ended()
            if not finished:
                _log.warning("the process of run %s %s", run.run_id, explain_exit(code))
                await self._record_end(run, code)
        finally:
            run.child.close()
            self._remove(run.run_id)

    async def _record_end(self, run: _Run, code: int | None) -> None:
        for pause in _RECORDING_PAUSES:
            await asyncio.sleep(pause)
            # Its parent may have died together with the run, or the instance may be away.
            with contextlib.suppress(WorkerCrashed, BrokenPipeError):
                caretaker = await self._caretakers().fork("caretaker")
                try:
                    order = Frame({"kind": "record_end", "code": code}, run.arguments)
                    await caretaker.channel.send(order)
                    recorded = await caretaker.channel.expect()
                finally:
                    caretaker.channel.close()
                await caretaker.ended()
                if recorded is not None:
                    return
        _log.error("run %s could not be marked as failed", run.run_id)

    def _remove(self, run_id: str) -> None:
        self._runs.pop(run_id, None)
        if not self._runs:
            self._none.set()
