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
from codeserver.supervisor.channel import Channel
from codeserver.wire import Frame
from codeserver.worker.channel import Channel as WorkerChannel
from tests.unit.waiting import DEADLINE, soon

FRAMES = [
    Frame(),
    Frame({"kind": "é€😀"}),
    Frame({"kind": "body"}, b"\0\xff" * 100),
    Frame({"kind": "large"}, bytes(range(256)) * 12_000),
]


@pytest.fixture(params=[None, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"], autouse=True)
def loop_policy(request: pytest.FixtureRequest) -> Iterator[None]:
    asyncio.set_event_loop_policy(request.param and request.param())
    yield
    asyncio.set_event_loop_policy(None)


class Ends:
    """Both channels, and the sockets under them for what no channel would send."""

    def __init__(self) -> None:
        self.front_socket, self.worker_socket = socket.socketpair()
        self.worker_socket.settimeout(DEADLINE)
        self.front = Channel(self.front_socket)
        self.worker = WorkerChannel(self.worker_socket)

    async def worker_receives(self) -> Frame | None:
        return await asyncio.to_thread(self.worker.receive)

    async def worker_receives_with_fds(self) -> tuple[Frame, list[int]]:
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


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.kind)
async def test_to_the_worker(ends: Ends, frame: Frame) -> None:
    received, _ = await soon(asyncio.gather(ends.worker_receives(), ends.front.send(frame)))
    assert received == frame


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.kind)
async def test_to_the_front(ends: Ends, frame: Frame) -> None:
    send = asyncio.to_thread(ends.worker.send, frame.header, frame.body)
    received, _ = await soon(asyncio.gather(ends.front.receive(), send))
    assert received == frame


async def test_many_frames_both_ways_at_once_in_order(ends: Ends) -> None:
    numbers = list(range(500))

    def echo() -> None:
        while (frame := ends.worker.receive()) is not None:
            ends.worker.send(frame.header, frame.body)

    async def send_all() -> None:
        for number in numbers:
            await ends.front.send(Frame({"n": number}, b"x" * number))

    async def receive_all() -> list[int]:
        frames = [await ends.front.receive() for _ in numbers]
        ends.front_socket.shutdown(socket.SHUT_WR)
        return [frame.header["n"] for frame in frames if frame and len(frame.body) in numbers]

    echoing = asyncio.to_thread(echo)
    _, received, _ = await soon(asyncio.gather(send_all(), receive_all(), echoing))
    assert received == numbers


async def test_descriptors_come_with_their_frame(ends: Ends) -> None:
    """Also when all frames wait in the socket before the first is read."""
    with pipes(40) as made:
        for number, pipe in enumerate(made):
            attached = [pipe.writer] * (number % 5)
            await soon(ends.front.send(Frame({"n": number}, b"x" * (number % 3)), attached))
        for number, pipe in enumerate(made):
            frame, fds = await ends.worker_receives_with_fds()
            assert frame.header["n"] == number
            assert take_inodes(fds) == [pipe.inode] * (number % 5)


async def test_descriptors_wait_for_room_in_the_socket(ends: Ends) -> None:
    filler = wire.encode(Frame({"kind": "filler"}))
    fillers = 0
    with contextlib.suppress(BlockingIOError):
        while ends.front_socket.send(filler) == len(filler):
            fillers += 1
    with pipes(1) as [pipe]:
        sending = asyncio.create_task(ends.front.send(Frame({"kind": "last"}), [pipe.writer]))
        for _ in range(fillers):
            frame, fds = await ends.worker_receives_with_fds()
            assert (frame.kind, fds) == ("filler", [])
        frame, fds = await ends.worker_receives_with_fds()
        await soon(sending)
        assert frame.kind == "last"
        assert take_inodes(fds) == [pipe.inode]


async def test_descriptors_of_a_large_frame(ends: Ends) -> None:
    with pipes(1) as [pipe]:
        send = ends.front.send(FRAMES[-1], [pipe.writer])
        (frame, fds), _ = await soon(asyncio.gather(ends.worker_receives_with_fds(), send))
        assert frame == FRAMES[-1]
        assert take_inodes(fds) == [pipe.inode]


async def test_descriptors_that_nobody_asked_for_are_closed(ends: Ends) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    await soon(ends.front.send(Frame({"kind": "x"}), [writer]))
    os.close(writer)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)  # the frame in the socket holds the other end
    assert await ends.worker_receives() == Frame({"kind": "x"})
    assert os.read(reader, 1) == b""
    os.close(reader)


async def test_concurrent_sends_do_not_interleave(ends: Ends) -> None:
    frames = [Frame({"n": number}, bytes([number]) * 400_000) for number in range(8)]
    sending = asyncio.gather(*(ends.front.send(frame) for frame in frames))
    received = [await soon(ends.worker_receives()) for _ in frames]
    await soon(sending)
    assert received == frames, "whole frames, in the order of the calls"


WHOLE = wire.encode(Frame({"kind": "x", "text": "y" * 40}, b"body"))


@pytest.mark.parametrize("length", [0, 1, wire.PREFIX_SIZE, wire.PREFIX_SIZE + 5, len(WHOLE) - 1])
async def test_the_end_in_the_middle_of_a_frame(ends: Ends, length: int) -> None:
    ends.front_socket.setblocking(True)
    ends.worker_socket.sendall(WHOLE[:length])
    ends.worker_socket.shutdown(socket.SHUT_WR)
    ends.front_socket.sendall(WHOLE[:length])
    ends.front_socket.shutdown(socket.SHUT_WR)
    ends.front_socket.setblocking(False)
    assert await soon(ends.front.receive()) is None
    assert await ends.worker_receives() is None


async def test_frames_sent_before_the_end_are_received(ends: Ends) -> None:
    for frame in FRAMES[:3]:
        ends.worker.send(frame.header, frame.body)
        await soon(ends.front.send(frame))
    ends.worker_socket.shutdown(socket.SHUT_WR)
    ends.front_socket.shutdown(socket.SHUT_WR)
    for expected in [*FRAMES[:3], None, None]:
        assert await soon(ends.front.receive()) == expected
        assert await ends.worker_receives() == expected


async def test_the_other_end_is_closed_with_something_unread(ends: Ends) -> None:
    """The kernel then resets the connection, which is an end like any other."""
    await soon(ends.front.send(Frame({"kind": "unread"})))
    ends.worker.close()
    assert await soon(ends.front.receive()) is None


async def test_the_front_is_closed_with_something_unread(ends: Ends) -> None:
    ends.worker.send({"kind": "unread"})
    ends.front.close()
    assert await ends.worker_receives() is None


def raw_frame(header: bytes) -> bytes:
    return len(header).to_bytes(4, "big") + bytes(8) + header


RUBBISH = {
    "text": b"print() of user code that found the socket\n",
    "too long": b"\0\0\0\1" + b"\xff" * 8 + b"{}",
    "not json": raw_frame(b"{]"),
    "not an object": raw_frame(b"[]"),
    "not text": raw_frame(b"\xff\xfe\xfd"),
    "nested": raw_frame(b"[" * 100_000),
    "zeros": bytes(64),
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_counts_as_the_end(ends: Ends, rubbish: bytes) -> None:
    ends.worker_socket.sendall(rubbish)
    assert await soon(ends.front.expect()) is None


@pytest.mark.parametrize("rubbish", [RUBBISH["text"], RUBBISH["not json"]], ids=["text", "json"])
async def test_rubbish_is_told_from_the_end(ends: Ends, rubbish: bytes) -> None:
    ends.worker_socket.sendall(rubbish)
    with pytest.raises(ProtocolError):
        await soon(ends.front.receive())


async def test_expect_is_receive_for_frames(ends: Ends) -> None:
    ends.worker.send({"kind": "x"}, b"body")
    ends.worker_socket.shutdown(socket.SHUT_WR)
    assert await soon(ends.front.expect()) == Frame({"kind": "x"}, b"body")
    assert await soon(ends.front.expect()) is None


@pytest.mark.parametrize("with_descriptor", [False, True])
async def test_send_to_a_worker_that_is_gone(ends: Ends, with_descriptor: bool) -> None:
    ends.worker.close()
    with pipes(1) as [pipe], pytest.raises(BrokenPipeError):
        await soon(ends.front.send(Frame(), [pipe.writer] * with_descriptor))


async def test_the_worker_goes_while_a_send_waits(ends: Ends) -> None:
    sending = asyncio.create_task(ends.front.send(FRAMES[-1]))
    assert await asyncio.to_thread(ends.worker_socket.recv, 10)
    ends.worker.close()
    with pytest.raises(BrokenPipeError):
        await soon(sending)


async def test_the_worker_sends_to_a_front_that_is_gone(ends: Ends) -> None:
    ends.front.close()
    with pytest.raises(BrokenPipeError):
        ends.worker.send({"kind": "x"})


async def test_after_close(ends: Ends) -> None:
    ends.front.close()
    ends.front.close()
    with pytest.raises(BrokenPipeError):
        await soon(ends.front.send(Frame()))
    assert await soon(ends.front.receive()) is None
    assert await ends.worker_receives() is None


async def test_what_was_sent_before_close_arrives(ends: Ends) -> None:
    for frame in FRAMES[:3]:
        await soon(ends.front.send(frame))
    ends.front.close()
    for expected in [*FRAMES[:3], None]:
        assert await ends.worker_receives() == expected


async def test_close_ends_a_receive_that_waits(ends: Ends) -> None:
    """As when a host that is followed must go: the follower ends, and the worker sees the end."""
    receiving = asyncio.create_task(ends.front.expect())
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


async def test_close_during_a_receive_does_not_deafen_the_next_channel(ends: Ends) -> None:
    """The next socket usually gets the same descriptor, which the event loop must have let go."""
    receiving = asyncio.create_task(ends.front.expect())
    await asyncio.sleep(0)
    ends.front.close()
    following = Ends()
    next_receiving = asyncio.create_task(following.front.expect())
    await asyncio.sleep(0)
    following.worker.send({"kind": "x"})
    try:
        done, _ = await asyncio.wait([next_receiving], timeout=DEADLINE)
        assert done, "the frame is not noticed"
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
        worker.send({"kind": "x"})
        assert ours.recv(100) == wire.encode(Frame({"kind": "x"}))
        assert worker.fileno() > 2
        worker.close()
        assert ours.recv(100) == b""
