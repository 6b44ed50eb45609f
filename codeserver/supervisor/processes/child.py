"""The front's view of a forked process, from its fork to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.exits import note_out_of_memory
from codeserver.supervisor.processes.killing import kill_group, kill_led_by
from codeserver.supervisor.processes.output import Output
from codeserver.system import pidfds

if TYPE_CHECKING:
    from codeserver.supervisor.processes.forker import Forker

OUTLIVING = frozenset({"run", "caretaker"})
"""Roles of children that go on when their parent dies."""


class Child:
    """A forked worker process.

    Attributes:
        pid: its process id, once the fork is confirmed.
        exited: its exit code (negative for a signal), or None if that is not known.
        parent: the process that reaps it; None if no process of ours does.
    """

    def __init__(self, role: str, channel: Channel, output: Output) -> None:
        self.role = role
        self.channel = channel
        self.output = output
        self.pid = 0
        self.exited: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.parent: Forker | None = None
        self._pidfd: int | None = None

    async def show_stack(self, *, is_native: bool = False) -> None:
        """Have a process that loads code write its stack.

        Args:
            is_native: whether it is in native code, and not between Python's instructions.
        """
        await self.signal(NATIVE_STACK_SIGNAL if is_native else STACK_SIGNAL)

    async def signal(self, number: int) -> None:
        """Send a signal.

        A child that outlives its parent gets it directly. Another child gets it through the parent,
        which knows that the pid has not been reused.
        """
        # Directly if possible, because an order is lost if the parent dies before it obeys. But
        # SIGKILL is for the whole group, which only the parent ends.
        is_for_all = number == signal.SIGKILL and self.parent is not None
        if (is_for_all or not self._signal_directly(number)) and self.parent is not None:
            await self.parent.signal(self.pid, number)

    def _signal_directly(self, number: int) -> bool:
        """Send a signal to a child that outlives its parent; return whether it is the right one.

        It is by its pidfd (Linux), or by its pid as long as its channel is open.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._pidfd is not None:
                pidfds.send(self._pidfd, number)
                return True
            if self.role in OUTLIVING and self.pid and self.channel.is_quiet:
                os.kill(self.pid, number)
                return True
        return self._pidfd is not None

    async def ended(self) -> int | None:
        """Wait for its end; return the exit code."""
        return await asyncio.shield(self.exited)

    async def end(self, grace: float, *, shows_stack: bool = False) -> int | None:
        """End it by SIGTERM, and by SIGKILL (with its group) after `grace` seconds.

        Args:
            grace: the time between the signals, in seconds.
            shows_stack: whether it first prints its stack for the log; for evaluators only.
        """
        self.channel.close()
        asked, last = (STACK_SIGNAL, NATIVE_STACK_SIGNAL) if shows_stack else (None, None)
        await self.signal(asked or signal.SIGTERM)
        if not await self._ends_within(grace):
            if last is not None:
                await self.signal(last)
                await self._ends_within(patience.LAST_WORD)
            await self.kill()
        return await self.ended()

    async def kill(self) -> None:
        """Kill it with its group, by its parent, or directly if the parent does not obey."""
        await self.signal(signal.SIGKILL)
        if not await self._ends_within(patience.OBEDIENCE) and self.parent is not None:
            self.parent.is_deaf = True
            self.has_ended(kill_group(self.pid, self.parent.pid))

    async def leave(self, patience: float, grace: float) -> int | None:
        """Close its input, so that it ends by itself; `end` it after `patience` seconds."""
        self.channel.close()
        if not await self._ends_within(patience):
            await self.end(grace)
        return await self.ended()

    async def _ends_within(self, seconds: float) -> bool:
        done, _ = await asyncio.wait([self.exited], timeout=seconds)
        return bool(done)

    def close(self) -> None:
        """Close the descriptors that this process has of it."""
        self.channel.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def has_started(self, pid: int, parent: Forker) -> None:
        """Record its process id, and that `parent` reaps it."""
        self.pid = self.output.pid = pid
        note_out_of_memory()
        self.parent = parent
        if self.role in OUTLIVING:
            with contextlib.suppress(OSError):
                self._pidfd = pidfds.opened(pid)

    def is_orphaned(self) -> None:
        """Record that no process of ours gets its exit code; its channel still shows its end."""
        self.parent = None
        if not self.exited.done():
            self.exited.set_result(None)

    def end_orphan(self) -> None:
        """Kill it as the kernel would on Linux, because its parent has died."""
        if self.pid and self.channel.is_quiet:
            kill_led_by(self.pid)
        self.channel.close()

    def has_ended(self, code: int | None) -> None:
        """Record the exit code that its parent reports; None if it is not known."""
        self.channel.sender_has_ended()
        self.parent = None
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        if not self.exited.done():
            self.exited.set_result(code)
