"""The forking process and its children, played by a test, message by message."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from codeserver.errors import WorkerCrashed
from codeserver.messages import Adopt, Fork, Forked, ForkFailed, Prepare, Signal
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.child import OUTLIVING, Child
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.wire import Message
from codeserver.worker.process.channel import Channel as WorkerChannel
from tests.unit.waiting import DEADLINE, soon

NOBODY = 1 << 22
"""The kernel's greatest limit of process ids (`pid_max`, proc(5)): no process has this one or more.

What outlives its parent is signalled by its process id, so a script must not make one up.
"""


@dataclass
class TheirEnd:
    """What a child has of the front.

    Attributes:
        channel: its socket to the front.
        stdout: descriptor of its standard output.
        stderr: likewise, for standard error.
        readers: the ends to read them from, for a child that outlives the front.
    """

    channel: WorkerChannel
    stdout: int
    stderr: int
    readers: list[int]

    @classmethod
    def of(cls, fds: list[int]) -> TheirEnd:
        """What came with an order to fork."""
        fd, stdout, stderr, *readers = fds
        sock = socket.socket(fileno=fd)
        channel = WorkerChannel(sock)
        sock.settimeout(DEADLINE)
        return cls(channel, stdout, stderr, readers)

    def receive(self) -> Message | None:
        """The next message from the front, which must be there already; None at the end."""
        return self.channel.receive()

    async def hear(self) -> Message | None:
        """The next message from the front, when it comes."""
        return await asyncio.to_thread(self.channel.receive)

    def send(self, message: Message) -> None:
        """Tell the front something."""
        self.channel.send(message)

    def close(self) -> None:
        """End, as far as the front can see."""
        self.channel.close()
        for fd in (self.stdout, self.stderr, *self.readers):
            os.close(fd)


class Script:
    """The forking process."""

    def __init__(self, adopter: Forker | None = None) -> None:
        ours, self.socket = socket.socketpair()
        self.socket.settimeout(DEADLINE)
        self.channel = WorkerChannel(self.socket)
        self.outputs = Outputs()
        self.forker = Forker(Channel(ours), self.outputs, adopter)
        self.following = asyncio.create_task(self.forker.follow())

    async def order(self) -> tuple[Message, list[int]]:
        """The next order, and the descriptors that came with it."""
        received = await asyncio.to_thread(self.channel.receive_with_fds)
        assert received is not None
        return received

    async def fork_order(self, *before: type[Message]) -> tuple[Fork, TheirEnd]:
        """The next order, which is to fork, and the child's end; some may come before it."""
        order, fds = await self.order()
        while isinstance(order, before):
            order, fds = await self.order()
        assert isinstance(order, Fork)
        return order, TheirEnd.of(fds)

    async def no_order(self) -> None:
        """Make sure that nothing has been ordered."""
        await asyncio.sleep(0)
        self.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            self.socket.recv(1)
        self.socket.settimeout(DEADLINE)

    def report(self, message: Message) -> None:
        """Tell the front something."""
        self.channel.send(message)

    async def heard(self) -> None:
        """Wait until every report so far was handled: a fork that fails is the last of them."""
        forking = asyncio.create_task(self.forker.fork("probe"))
        order, theirs = await self.fork_order(Adopt, Prepare, Signal)
        theirs.close()
        self.report(ForkFailed(order.number, "probe"))
        with contextlib.suppress(WorkerCrashed):
            await soon(forking)

    async def confirm(self, role: str, pid: int, *before: type[Message]) -> TheirEnd:
        """Fork the child that is ordered next; returns its end."""
        order, theirs = await self.fork_order(Prepare, *before)
        assert order.role == role
        assert role not in OUTLIVING or pid >= NOBODY
        self.report(Forked(order.number, pid))
        return theirs

    async def fork(self, role: str, pid: int) -> tuple[Child, TheirEnd]:
        """Have a child forked; returns it, and its end."""
        forking = asyncio.create_task(self.forker.fork(role))
        theirs = await self.confirm(role, pid)
        return await soon(forking), theirs

    async def die(self) -> None:
        """End, and let the front notice."""
        self.channel.close()
        await soon(self.following)


@contextlib.asynccontextmanager
async def script(adopter: Forker | None = None) -> AsyncIterator[Script]:
    """A forking process that ends with the test."""
    made = Script(adopter)
    try:
        yield made
    finally:
        await made.die()
        made.outputs.close()


async def is_waiting(work: asyncio.Future[Any]) -> bool:
    """Whether it goes on, also after whatever could let it end has had its turn."""
    for _ in range(3):
        await asyncio.sleep(0)
    return not work.done()
