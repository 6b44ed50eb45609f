"""The front's view of a process that forks (`worker.process.forking`), and of its children."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
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
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.child import OUTLIVING, Child
from codeserver.supervisor.processes.installed import is_replaced, tell
from codeserver.supervisor.processes.killing import resume
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.plumbing import ends_for_child
from codeserver.system.children import ADOPTS_ORPHANS, ENDS_ORPHANS
from codeserver.system.sockets import MAY_CLOSE_SENT
from codeserver.wire import Message

_REMEMBERED_EXITS = 1024


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
