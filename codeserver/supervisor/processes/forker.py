"""The front's view of a process that forks (`worker.process.forking`), and of its children."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any

from codeserver.errors import ProtocolError, WorkerCrashed
from codeserver.facts import ImportedDagster
from codeserver.messages import (
    Adopt,
    DagsterImported,
    DagsterMissing,
    Exit,
    Exited,
    Fork,
    Forked,
    ForkFailed,
    Prepare,
    Signal,
)
from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.exits import note_out_of_memory
from codeserver.supervisor.processes.installed import is_replaced, tell
from codeserver.supervisor.processes.killing import kill_group, resume
from codeserver.supervisor.processes.output import Output, Outputs
from codeserver.supervisor.processes.plumbing import ends_for_child
from codeserver.system import pidfds
from codeserver.system.children import ADOPTS_ORPHANS, ENDS_ORPHANS
from codeserver.system.sockets import MAY_CLOSE_SENT
from codeserver.wire import Message

_REMEMBERED_EXITS = 1024
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
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(self.pid) == self.pid:
                    os.killpg(self.pid, signal.SIGKILL)
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


class Forker:
    """Orders forks from one process and learns how its children end.

    Args:
        adopter: the forker whose process adopts orphans of this one, and reports the ends of
            children that outlive this one.

    Attributes:
        is_childless: set while there is no child, and none is being forked.
        loss: set when the process has ended, or has closed its socket.
        is_deaf: whether it has not carried out the last order to kill, and sent nothing since.
        is_ready: whether a forkserver has reported that it is ready; other processes do not.
        dagster: the Dagster that a forkserver has imported.
    """

    def __init__(
        self, channel: Channel, outputs: Outputs, adopter: Forker | None = None, pid: int = 0
    ) -> None:
        self.pid = pid
        self.is_deaf = False
        self._channel = channel
        self._outputs = outputs
        self._adopter = adopter
        self._ids = itertools.count(1)
        self._forking: dict[int, tuple[Child, asyncio.Future[None]]] = {}
        self._children: dict[int, Child] = {}
        self._strangers: OrderedDict[int, int] = OrderedDict()
        self.loss = asyncio.Event()
        self.is_ready = False
        self.dagster: ImportedDagster | None = None
        self._is_prepared = False
        self.is_childless = asyncio.Event()
        self.is_childless.set()
        self._reason = "The process that starts {role}s has ended."

    @property
    def is_lost(self) -> bool:
        """Whether the process has ended, or has closed its socket."""
        return self.loss.is_set()

    @property
    def is_outdated(self) -> bool:
        """Whether a forkserver has imported a Dagster that was replaced since."""
        return self.dagster is not None and is_replaced(self.dagster)

    @property
    def children(self) -> frozenset[Child]:
        """The children that have not ended."""
        return frozenset(self._children.values())

    async def fork(self, role: str) -> Child:
        """Fork a child.

        Raises:
            WorkerCrashed: the forking process has ended, or cannot fork.
        """
        child, forked = self.begin(role)
        await forked
        return child

    def begin(
        self, role: str, outputs: Outputs | None = None
    ) -> tuple[Child, Coroutine[Any, Any, None]]:
        """A child to be, which can be sent messages already, and its fork, which is to be awaited.

        Args:
            role: the role of the child.
            outputs: get the output of the child, instead of those of the forker.

        Raises:
            WorkerCrashed: see `fork`, whose exceptions the fork has, too.
        """
        if self.is_lost:
            raise self._crashed(role)
        try:
            child, theirs = self._child_to_be(role, outputs or self._outputs)
        except OSError as error:
            raise WorkerCrashed(f"No process for a {role}: {error.strerror}.") from None
        return child, self._fork(child, theirs)

    async def _fork(self, child: Child, theirs: list[int]) -> None:
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        number = next(self._ids)
        try:
            self._forking[number] = (child, confirmed)
            self.is_childless.clear()
            try:
                await self._channel.send(Fork(number, child.role), theirs)
                if not MAY_CLOSE_SENT:
                    await self._carries_out(confirmed)
            finally:
                for fd in theirs:
                    os.close(fd)
            await self._carries_out(confirmed)
            await confirmed
        except BaseException as error:
            # If the child was forked all the same, it reads the end of its input, and exits.
            child.channel.close()
            child.output.close()
            confirmed.cancel()
            if isinstance(error, BrokenPipeError):
                # It may have sent the reason of its end, which is not received yet.
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.loss.wait(), patience.EXIT_REPORT)
                raise self._crashed(child.role) from None
            raise

    async def _carries_out(self, order: asyncio.Future[None]) -> None:
        while not (await asyncio.wait([order], timeout=patience.OBEDIENCE))[0]:
            resume(self.pid)  # user code may have stopped it

    async def signal(self, pid: int, number: int) -> None:
        """Send a signal to a child; do nothing if it has ended."""
        await self._order(Signal(pid, number))

    async def prepare(self) -> None:
        """Have the process do once the work that each of its forks would repeat."""
        if not self._is_prepared:
            self._is_prepared = True
            await self._order(Prepare())

    async def exit(self) -> None:
        """Tell the process to end after the orders before this one."""
        await self._order(Exit())

    async def adopt(self, child: Child) -> None:
        """Take over a child whose parent has died."""
        if child.pid in self._strangers:
            child.has_ended(self._strangers.pop(child.pid))
        elif self.is_lost:
            child.is_orphaned()
        else:
            child.parent = self
            self._children[child.pid] = child
            self.is_childless.clear()
            await self._order(Adopt(child.pid))

    async def _order(self, order: Message) -> None:
        """Give an order, unless the process takes no more orders."""
        # An order is small, so at a timeout no part of it was sent.
        with contextlib.suppress(BrokenPipeError, asyncio.TimeoutError):
            await asyncio.wait_for(self._channel.send(order), patience.OBEDIENCE)

    async def follow(self) -> None:
        """Handle the process's reports until it ends."""
        try:
            # An invalid message counts as the end, because user code may cause it.
            with contextlib.suppress(ProtocolError):
                while (report := await self._channel.receive()) is not None:
                    self._handle(report)
        finally:
            orphans = self._handle_loss()
        for orphan in orphans:
            if self._adopter is not None and ADOPTS_ORPHANS:
                await self._adopter.adopt(orphan)
            else:
                orphan.is_orphaned()

    def _child_to_be(self, role: str, outputs: Outputs) -> tuple[Child, list[int]]:
        """A child that is not forked yet, and the descriptors for it."""
        # An outliving child keeps the pipes open: after the end of the front, it reads them.
        ours, readers, theirs = ends_for_child(keeps_readers=role in OUTLIVING)
        return Child(role, Channel(ours), outputs.open(role, *readers)), theirs

    def _handle(self, report: Message) -> None:
        self.is_deaf = False
        match report:
            case Forked(number, pid):
                child, confirmed = self._forking.pop(number)
                child.has_started(pid, self)
                if self._adopter is not None:
                    self._adopter.forget_stranger(child.pid)
                self._children[child.pid] = child
                if not confirmed.done():
                    confirmed.set_result(None)
            case ForkFailed(number, reason):
                child, confirmed = self._forking.pop(number)
                if not confirmed.done():
                    confirmed.set_exception(
                        WorkerCrashed(f"No process for a {child.role}: {reason}.")
                    )
                self._count_children()
            case Exited(pid, code):
                if (ended := self._children.pop(pid, None)) is not None:
                    ended.has_ended(code)
                else:
                    self._remember_stranger(pid, code)
                self._count_children()
            case DagsterImported(dagster):
                self.is_ready, self.dagster = True, dagster
                tell(dagster)
            case DagsterMissing(text):
                self.explain(text)

    def explain(self, reason: str) -> None:
        """Give the reason why the process forks no more, for the errors of later forks."""
        self._reason = reason.replace("{", "{{").replace("}", "}}")

    def _count_children(self) -> None:
        if not self._children and not self._forking:
            self.is_childless.set()

    def _crashed(self, role: str) -> WorkerCrashed:
        return WorkerCrashed(self._reason.format(role=role))

    def forget_stranger(self, pid: int) -> None:
        """Forget the reported end of an earlier process that had this id."""
        self._strangers.pop(pid, None)

    def _remember_stranger(self, pid: int, code: int) -> None:
        # The end of an adopted child may be reported before the end of its first parent is.
        self._strangers[pid] = code
        while len(self._strangers) > _REMEMBERED_EXITS:
            self._strangers.popitem(last=False)

    def _handle_loss(self) -> list[Child]:
        """Settle forks and children that the process will not report any more; return orphans."""
        self.loss.set()
        self._channel.close()
        for child, confirmed in self._forking.values():
            if not confirmed.done():
                confirmed.set_exception(self._crashed(child.role))
        self._forking.clear()
        children = list(self._children.values())
        self._children.clear()
        self._count_children()
        for child in children:
            if child.role not in OUTLIVING:
                child.is_orphaned()
                if not ENDS_ORPHANS:
                    child.end_orphan()
        return [child for child in children if child.role in OUTLIVING]
