"""The two ends of a socket: asyncio in the front, blocking in the worker.

Every test runs on both event loops: uvloop serves where it is installed, asyncio's own elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import pytest
import uvloop

from codeserver import wire
from codeserver.errors import ProtocolError
from codeserver.messages import Answer, Ask, Described, Exited, Values
from codeserver.supervisor.processes.channel import Channel
from codeserver.wire import Message
from codeserver.worker.process.channel import Channel as WorkerChannel
from tests.unit.waiting import DEADLINE, soon

LARGE = Values(bytes(range(256)) * 12_000)
SMALL = [Described(), Ask(b"", "é€😀"), Ask(b"\0\xff" * 100, "body", {"a": [1]})]
MESSAGES = [*SMALL, LARGE]


@pytest.fixture(
    params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"], autouse=True
)
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # `asyncio.run` takes no maker of loops before Python 3.12, and policies end with 3.16.
    monkeypatch.setattr(asyncio.events, "new_event_loop", request.param)


class Ends:
    """Both channels, and the sockets under them for what no channel would send."""

    def __init__(self) -> None:
        self.front_socket, self.worker_socket = socket.socketpair()
        self.worker_socket.settimeout(DEADLINE)
        self.front = Channel(self.front_socket)
        self.worker = WorkerChannel(self.worker_socket)

    async def worker_receives(self) -> Message | None:
        return await asyncio.to_thread(self.worker.receive)

    async def worker_receives_with_fds(self) -> tuple[Message, list[int]]:
        received = await asyncio.to_thread(self.worker.receive_with_fds)
        assert received is not None
        return received


@pytest.fixture
def ends() -> Iterator[Ends]:
    both = Ends()
    yield both
    both.front.close()
    both.worker.close()


class Pipe:
    """A pipe, so that a descriptor that travelled can be told from others."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.inode = os.fstat(self.writer).st_ino

    def close(self) -> None:
        os.close(self.reader)
        os.close(self.writer)


@contextlib.contextmanager
def pipes(number: int) -> Iterator[list[Pipe]]:
    made = [Pipe() for _ in range(number)]
    try:
        yield made
    finally:
        for pipe in made:
            pipe.close()


def take_inodes(fds: list[int]) -> list[int]:
    inodes = [os.fstat(fd).st_ino for fd in fds]
    for fd in fds:
        os.close(fd)
    return inodes


@pytest.mark.parametrize("message", MESSAGES, ids=["nothing", "text", "body", "large"])
async def test_one_message(ends: Ends, message: Message) -> None:
    received, _ = await soon(asyncio.gather(ends.worker_receives(), ends.front.send(message)))
    assert received == message
    send = asyncio.to_thread(ends.worker.send, message)
    received, _ = await soon(asyncio.gather(ends.front.receive(), send))
    assert received == message


async def test_many_messages_both_ways_at_once_in_order(ends: Ends) -> None:
    sent = [Ask(b"x" * number, str(number)) for number in range(500)]

    def echo() -> None:
        while (message := ends.worker.receive()) is not None:
            ends.worker.send(message)

    async def send_all() -> None:
        for message in sent:
            await ends.front.send(message)

    async def receive_all() -> list[Message | None]:
        messages = [await ends.front.receive() for _ in sent]
        ends.front_socket.shutdown(socket.SHUT_WR)
        return messages

    echoing = asyncio.to_thread(echo)
    _, received, _ = await soon(asyncio.gather(send_all(), receive_all(), echoing))
    assert received == sent


async def test_descriptors_come_with_their_message(ends: Ends) -> None:
    """Even if all messages wait in the socket before the first is read."""
    with pipes(40) as made:
        for number, pipe in enumerate(made):
            attached = [pipe.writer] * (number % 5)
            await soon(ends.front.send(Ask(b"x" * (number % 3), str(number)), attached))
        for number, pipe in enumerate(made):
            message, fds = await ends.worker_receives_with_fds()
            assert message == Ask(b"x" * (number % 3), str(number))
            assert take_inodes(fds) == [pipe.inode] * (number % 5)


async def test_descriptors_wait_for_room_in_the_socket(ends: Ends) -> None:
    filler = wire.encode(Described())
    fillers = 0
    with contextlib.suppress(BlockingIOError):
        while ends.front_socket.send(filler) == len(filler):
            fillers += 1
    with pipes(1) as [pipe]:
        sending = asyncio.create_task(ends.front.send(Ask(b"", "last"), [pipe.writer]))
        for _ in range(fillers):
            assert await ends.worker_receives_with_fds() == (Described(), [])
        message, fds = await ends.worker_receives_with_fds()
        await soon(sending)
        assert message == Ask(b"", "last")
        assert take_inodes(fds) == [pipe.inode]


async def test_descriptors_of_a_large_message(ends: Ends) -> None:
    with pipes(1) as [pipe]:
        send = ends.front.send(LARGE, [pipe.writer])
        (message, fds), _ = await soon(asyncio.gather(ends.worker_receives_with_fds(), send))
        assert message == LARGE
        assert take_inodes(fds) == [pipe.inode]


async def test_descriptors_that_nobody_asked_for_are_closed(ends: Ends) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    await soon(ends.front.send(Described(), [writer]))
    os.close(writer)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)  # the message in the socket holds the other end
    assert await ends.worker_receives() == Described()
    assert os.read(reader, 1) == b""
    os.close(reader)


async def test_concurrent_sends_do_not_interleave(ends: Ends) -> None:
    messages = [Values(bytes([number]) * 400_000) for number in range(8)]
    sending = asyncio.gather(*(ends.front.send(message) for message in messages))
    received = [await soon(ends.worker_receives()) for _ in messages]
    await soon(sending)
    assert received == messages, "whole ones, in the order of the calls"


WHOLE = wire.encode(Ask(b"body", "x" * 40))


@pytest.mark.parametrize("length", [0, 1, wire.PREFIX_SIZE, wire.PREFIX_SIZE + 5, len(WHOLE) - 1])
async def test_the_end_in_the_middle_of_a_message(ends: Ends, length: int) -> None:
    ends.front_socket.setblocking(True)
    ends.worker_socket.sendall(WHOLE[:length])
    ends.worker_socket.shutdown(socket.SHUT_WR)
    ends.front_socket.sendall(WHOLE[:length])
    ends.front_socket.shutdown(socket.SHUT_WR)
    ends.front_socket.setblocking(False)
    assert await soon(ends.front.receive()) is None
    assert await ends.worker_receives() is None


async def test_messages_sent_before_the_end_are_received(ends: Ends) -> None:
    for message in SMALL:
        ends.worker.send(message)
        await soon(ends.front.send(message))
    ends.worker_socket.shutdown(socket.SHUT_WR)
    ends.front_socket.shutdown(socket.SHUT_WR)
    for expected in [*SMALL, None, None]:
        assert await soon(ends.front.receive()) == expected
        assert await ends.worker_receives() == expected


async def test_the_other_end_is_closed_with_something_unread(ends: Ends) -> None:
    """The kernel then resets the connection, which is an end like any other."""
    await soon(ends.front.send(Described()))
    ends.worker.close()
    assert await soon(ends.front.receive()) is None


async def test_the_front_is_closed_with_something_unread(ends: Ends) -> None:
    ends.worker.send(Described())
    ends.front.close()
    assert await ends.worker_receives() is None


def raw_frame(header: bytes) -> bytes:
    return len(header).to_bytes(4, "big") + bytes(8) + header


RUBBISH = {
    "text": b"print() of user code that found the socket\n",
    "too long": b"\0\0\0\1" + b"\xff" * 8 + b"{}",
    "not json": raw_frame(b"{]"),
    "not an object": raw_frame(b"[]"),
    "no message": raw_frame(b'{"kind":"Nonsense"}'),
    "not text": raw_frame(b"\xff\xfe\xfd"),
    "nested": raw_frame(b"[" * 100_000),
    "zeros": bytes(64),
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_counts_as_the_end(ends: Ends, rubbish: bytes) -> None:
    ends.worker_socket.sendall(rubbish)
    assert await soon(ends.front.expect(Message)) is None


@pytest.mark.parametrize("name", ["text", "not json", "no message"])
async def test_rubbish_is_told_from_the_end(ends: Ends, name: str) -> None:
    ends.worker_socket.sendall(RUBBISH[name])
    with pytest.raises(ProtocolError):
        await soon(ends.front.receive())


async def test_the_front_takes_another_message_for_the_end(ends: Ends) -> None:
    for _ in range(3):
        ends.worker.send(Exited(1, 0))
    assert await soon(ends.front.expect(Exited)) == Exited(1, 0)
    assert await soon(ends.front.expect(Described, Exited)) == Exited(1, 0)
    assert await soon(ends.front.expect(Described, Answer)) is None
    ends.worker.close()
    assert await soon(ends.front.expect(Exited)) is None


async def test_the_worker_refuses_another_message(ends: Ends) -> None:
    for _ in range(2):
        await soon(ends.front.send(Described()))
    assert await asyncio.to_thread(ends.worker.expect, Described) == Described()
    with pytest.raises(ProtocolError, match=r"^Ask was to come, not Described$"):
        await asyncio.to_thread(ends.worker.expect, Ask)
    ends.front.close()
    assert await asyncio.to_thread(ends.worker.expect, Ask) is None


@pytest.mark.parametrize("with_descriptor", [False, True])
async def test_send_to_a_worker_that_is_gone(ends: Ends, with_descriptor: bool) -> None:
    ends.worker.close()
    with pipes(1) as [pipe], pytest.raises(BrokenPipeError):
        await soon(ends.front.send(Described(), [pipe.writer] * with_descriptor))


async def test_the_worker_goes_while_a_send_waits(ends: Ends) -> None:
    sending = asyncio.create_task(ends.front.send(LARGE))
    assert await asyncio.to_thread(ends.worker_socket.recv, 10)
    ends.worker.close()
    with pytest.raises(BrokenPipeError):
        await soon(sending)


async def test_the_worker_sends_to_a_front_that_is_gone(ends: Ends) -> None:
    ends.front.close()
    with pytest.raises(BrokenPipeError):
        ends.worker.send(Described())


async def test_after_close(ends: Ends) -> None:
    ends.front.close()
    ends.front.close()
    with pytest.raises(BrokenPipeError):
        await soon(ends.front.send(Described()))
    assert await soon(ends.front.receive()) is None
    assert await ends.worker_receives() is None


async def test_what_was_sent_before_close_arrives(ends: Ends) -> None:
    for message in SMALL:
        await soon(ends.front.send(message))
    ends.front.close()
    for expected in [*SMALL, None]:
        assert await ends.worker_receives() == expected


async def test_close_ends_a_receive_that_waits(ends: Ends) -> None:
    """As when a host that is followed must go: the follower ends, and the worker sees the end."""
    receiving = asyncio.create_task(ends.front.receive())
    await asyncio.sleep(0)
    ends.front.close()
    try:
        done, _ = await asyncio.wait([receiving], timeout=DEADLINE)
        end = await asyncio.to_thread(ends.worker_socket.recv, 1)
        assert done, "the receive waits for ever"
        assert receiving.result() is None
        assert end == b""
    finally:
        receiving.cancel()
        await asyncio.wait([receiving])


async def test_what_nobody_waits_for_does_not_keep_the_event_loop_awake(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop watches the socket between two receives, and looks at it once."""
    looks: list[Channel] = []
    look = Channel._readable

    def counted(channel: Channel) -> None:
        looks.append(channel)
        look(channel)

    monkeypatch.setattr(Channel, "_readable", counted)
    other = Ends()
    first, second, third = (Exited(number, 0) for number in (1, 2, 3))
    for message in (first, second):
        ends.worker.send(message)
        assert await soon(ends.front.receive()) == message
    ends.worker.send(third)
    looks.clear()
    for _ in range(10):  # the event loop asks the kernel each time
        other.worker.send(first)
        await soon(other.front.receive())
    assert looks.count(ends.front) == 1
    assert await soon(ends.front.receive()) == third
    other.front.close()
    other.worker.close()


async def test_close_during_a_receive_does_not_deafen_the_next_channel(ends: Ends) -> None:
    """The next socket usually gets the same descriptor, which the event loop must have let go."""
    receiving = asyncio.create_task(ends.front.receive())
    await asyncio.sleep(0)
    ends.front.close()
    following = Ends()
    next_receiving = asyncio.create_task(following.front.receive())
    await asyncio.sleep(0)
    following.worker.send(Described())
    try:
        done, _ = await asyncio.wait([next_receiving], timeout=DEADLINE)
        assert done, "the message is not noticed"
    finally:
        for task in (receiving, next_receiving):
            task.cancel()
        await asyncio.wait([receiving, next_receiving])
        following.front.close()
        following.worker.close()


def test_a_channel_over_an_inherited_descriptor() -> None:
    ours, theirs = socket.socketpair()
    worker = WorkerChannel.from_fd(theirs.detach())
    with ours:
        worker.send(Described())
        assert ours.recv(100) == wire.encode(Described())
        assert worker.fileno() > 2
        worker.close()
        assert ours.recv(100) == b""


def test_the_end_of_a_worker_that_leaves_orders_unread(ends: Ends) -> None:
    """Its last words are received, and then its end: the kernel reports that as a reset."""

    async def main() -> list[Message | None]:
        await ends.front.send(Ask(b"unread", "rpc"))
        first = asyncio.create_task(ends.front.receive())
        await asyncio.sleep(0)  # it waits
        ends.worker.send(Described())
        ends.worker_socket.close()
        return [await first, await soon(ends.front.receive())]

    assert asyncio.run(main()) == [Described(), None]
