"""What is done where the system is not Linux, as far as one process can show it.

`make test-portable` shows the rest.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import socket
from collections.abc import Iterator, Sequence

import pytest

from codeserver.config import Config
from codeserver.errors import WorkerCrashed
from codeserver.front import addresses
from codeserver.messages import Answer, Ask, Described, ForkFailed
from codeserver.settings import declared
from codeserver.supervisor.processes import channel as fronts
from codeserver.supervisor.processes import forker as forkers
from codeserver.supervisor.processes.channel import Channel
from codeserver.system import files, losses
from codeserver.worker.process import channel as workers
from codeserver.worker.process.channel import Channel as WorkerChannel
from tests.unit.scripted import script
from tests.unit.waiting import soon, until

ASK = Ask(b"argument" * 4096, "sensor")


@pytest.fixture
def ends() -> Iterator[tuple[Channel, WorkerChannel]]:
    """The front's and the worker's end of a socket."""
    ours, theirs = socket.socketpair()
    front, worker = Channel(ours), WorkerChannel(theirs)
    yield front, worker
    front.close()
    worker.close()


async def test_the_last_messages_of_a_process_whose_end_is_reported_first(
    ends: tuple[Channel, WorkerChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shutting the socket down throws away what was not read."""
    front, worker = ends
    monkeypatch.setattr(fronts, "KEEPS_UNREAD", False)
    worker.send(Answer(b"the last but one"))
    worker.send(Described())

    front.sender_has_ended()

    assert await soon(front.receive()) == Answer(b"the last but one")
    assert await soon(front.receive()) == Described()
    assert await soon(front.receive()) is None


async def test_a_receiver_that_waits_when_the_end_is_reported(
    ends: tuple[Channel, WorkerChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    front, _ = ends
    monkeypatch.setattr(fronts, "KEEPS_UNREAD", False)
    receiving = asyncio.create_task(front.receive())
    await until(lambda: front._waiting)

    front.sender_has_ended()

    assert await soon(receiving) is None


class CrowdedSocket(socket.socket):
    """One whose buffer has no room at first for descriptors, and never for more than one byte."""

    refusals = 2

    def sendmsg(self, buffers: Sequence[bytes], *more: object) -> int:  # type: ignore[override]
        if self.refusals or sum(map(len, buffers)) > 1:
            self.refusals -= 1
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        return super().sendmsg(buffers, *more)  # type: ignore[arg-type]


async def test_descriptors_are_sent_with_one_byte_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fronts, "FIRST_WITH_FILES", 1)
    monkeypatch.setattr(fronts, "_PAUSE", 0)
    ours, theirs = socket.socketpair()
    front, worker = Channel(CrowdedSocket(fileno=ours.detach())), WorkerChannel(theirs)
    reader, writer = os.pipe()
    try:
        sending = asyncio.create_task(front.send(ASK, [writer]))
        received = await asyncio.to_thread(worker.receive_with_fds)
        await soon(sending)
        assert received is not None
        message, (sent,) = received
        assert message == ASK
        assert os.path.samestat(os.fstat(sent), os.fstat(writer))
        os.close(sent)
    finally:
        for fd in (reader, writer):
            os.close(fd)
        front.close()
        worker.close()


def test_a_worker_sends_descriptors_with_one_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "FIRST_WITH_FILES", 1)
    ours, theirs = map(WorkerChannel, socket.socketpair())
    reader, writer = os.pipe()
    try:
        ours.send(Ask(b"argument", "sensor"), [writer])
        received = theirs.receive_with_fds()
        assert received is not None
        assert received[0] == Ask(b"argument", "sensor")
        for fd in received[1]:
            os.close(fd)
        assert len(received[1]) == 1
    finally:
        for fd in (reader, writer):
            os.close(fd)
        ours.close()
        theirs.close()


@pytest.mark.parametrize("may_close", [True, False])
async def test_descriptors_of_a_child_stay_open_until_it_has_them(
    may_close: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forkers, "MAY_CLOSE_SENT", may_close)
    made: list[Sequence[int]] = []
    make = forkers.ends_for_child

    def noted(*, keeps_readers: bool) -> object:
        ours, readers, theirs = make(keeps_readers=keeps_readers)
        made.append(theirs)
        return ours, readers, theirs

    def are_open() -> bool:
        return all(os.path.exists(f"/dev/fd/{fd}") for fd in made[0])

    monkeypatch.setattr(forkers, "ends_for_child", noted)
    async with script() as process:
        forking = asyncio.create_task(process.forker.fork("evaluator"))
        order, theirs = await process.fork_order()
        theirs.close()
        assert are_open() is not may_close
        process.report(ForkFailed(order.number, "no more"))
        with pytest.raises(WorkerCrashed, match="no more"):
            await soon(forking)
        assert not are_open()


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "127.0.0.1"])
@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])
def test_a_port_that_another_server_has(
    address: str, everywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SO_REUSEADDR` would let both have it, if one of them has it on all addresses."""
    monkeypatch.setattr(addresses, "SHARES_PORTS", True)
    with socket.create_server((everywhere, 0)) as other:
        port = other.getsockname()[1]
        assert addresses._answers(socket.AF_INET, address, port)
        with pytest.raises(OSError, match="in use") as refused:
            addresses.bound_socket(socket.AF_INET, address, port)
    assert refused.value.errno == errno.EADDRINUSE
    addresses.bound_socket(socket.AF_INET, address, port).close()
    addresses.bound_socket(socket.AF_INET, address, 0).close()


INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("most", "accepted", "tried"),
    [
        (65_536, 65_536, [65_536]),
        (65_536, 10_240, [65_536, 10_240]),
        (65_536, 256, [65_536, 10_240]),
        (4096, 10_240, [4096]),
        (INFINITE, 10_240, [INFINITE, 10_240]),
    ],
)
def test_as_many_files_as_the_system_accepts(
    most: int, accepted: int, tried: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def set_limit(_: int, limits: tuple[int, int]) -> None:
        seen.append(limits[0])
        if not 0 <= limits[0] <= accepted:
            raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(files, "IS_LINUX", False)
    monkeypatch.setattr(files, "_setrlimit", set_limit)

    files.allow_files(most, INFINITE)

    assert seen == tried


def test_the_losses_are_one_line_that_names_options_that_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(losses, "IS_LINUX", False)
    monkeypatch.setattr(losses, "NAME", "macOS")

    line = losses.in_words()

    assert line is not None
    assert line.startswith("macOS lacks ways of Linux (docs/macos.md): ")
    assert "\n" not in line
    options = re.findall(r"--[a-z-]+", line)
    flags = {flag for setting in declared(Config) for flag in setting.flags}
    assert {"--worker-max-growth", "--isolation"} <= set(options) <= flags


def test_linux_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "IS_LINUX", True)
    assert losses.in_words() is None
