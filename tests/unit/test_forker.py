"""Forking by order: what is asked of the forking process, and what its reports mean.

Most tests play that process, message by message; the last ones have a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket

import pytest

from codeserver.errors import WorkerCrashed
from codeserver.messages import (
    Adopt,
    Ask,
    DagsterMissing,
    Exit,
    Exited,
    Fork,
    Forked,
    ForkFailed,
    Signal,
)
from codeserver.supervisor.processes import forker as forker_module
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from codeserver.wire import encode
from tests.unit.scripted import NOBODY, is_waiting, script
from tests.unit.waiting import DEADLINE, soon


async def test_a_fork_is_ordered_with_the_childs_socket() -> None:
    async with script() as process:
        forking = asyncio.create_task(process.forker.fork("evaluator"))
        ordered, theirs = await process.fork_order()
        assert ordered == Fork(ordered.number, "evaluator")
        assert await is_waiting(forking), "until the fork is confirmed"
        process.report(Forked(ordered.number, 4711))
        child = await soon(forking)
        assert (child.role, child.pid, child.exited.done()) == ("evaluator", 4711, False)
        assert process.forker.children == {child}
        await soon(child.channel.send(Ask(b"hello", "echo")))
        assert theirs.receive() == Ask(b"hello", "echo")
        child.channel.close()
        assert theirs.receive() is None, "the front kept no other copy of the child's end"
        theirs.close()


async def test_confirmations_in_any_order() -> None:
    async with script() as process:
        forking = [asyncio.create_task(process.forker.fork(role)) for role in ("a", "b", "c")]
        orders = [await process.fork_order() for _ in forking]
        assert [ordered.role for ordered, _ in orders] == ["a", "b", "c"]
        assert len({ordered.number for ordered, _ in orders}) == 3
        for pid, (ordered, _) in reversed(list(enumerate(orders, 1))):
            process.report(Forked(ordered.number, pid))
        children = await soon(asyncio.gather(*forking))
        assert [(child.role, child.pid) for child in children] == [("a", 1), ("b", 2), ("c", 3)]
        for child, (_, theirs) in zip(children, orders, strict=True):
            theirs.close()
            child.channel.close()


async def test_a_fork_that_fails() -> None:
    async with script() as process:
        forking = asyncio.create_task(process.forker.fork("run"))
        ordered, theirs = await process.fork_order()
        process.report(ForkFailed(ordered.number, "no memory {0}"))
        with pytest.raises(WorkerCrashed, match=r"^No process for a run: no memory \{0\}\.$"):
            await soon(forking)
        assert theirs.receive() is None, "the channel of no child is closed"
        theirs.close()
        assert process.forker.children == frozenset()
        await process.heard()  # it goes on


async def test_a_fork_whose_caller_goes_away() -> None:
    """The child that comes all the same sees the end of its input, and is followed to its end."""
    async with script() as process:
        forking = asyncio.create_task(process.forker.fork("evaluator"))
        ordered, theirs = await process.fork_order()
        forking.cancel()
        await asyncio.wait([forking])
        assert theirs.receive() is None
        theirs.close()
        process.report(Forked(ordered.number, 7))
        await process.heard()
        assert [child.pid for child in process.forker.children] == [7]
        process.report(Exited(7, 0))
        await process.heard()
        assert process.forker.children == frozenset()


@pytest.mark.parametrize("code", [0, 3, -9])
async def test_ends_are_reported(code: int) -> None:
    async with script() as process:
        child, theirs = await process.fork("evaluator", 10)
        other, others = await process.fork("evaluator", 11)
        waiting = [asyncio.create_task(child.ended()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        process.report(Exited(10, code))
        ends = await soon(asyncio.gather(*waiting, return_exceptions=True))
        assert isinstance(ends[0], asyncio.CancelledError)
        assert ends[1:] == [code, code], "a waiter that gives up does not take others along"
        assert await soon(child.ended()) == code
        assert process.forker.children == {other}
        for each in (theirs, others):
            each.close()
        for each in (child, other):
            each.channel.close()


async def test_signals_go_through_the_parent_until_the_end() -> None:
    async with script() as process:
        child, theirs = await process.fork("evaluator", 10)
        await soon(child.signal(signal.SIGINT))
        assert (await process.order())[0] == Signal(10, 2)
        process.report(Exited(10, 0))
        await soon(child.ended())
        await soon(child.signal(signal.SIGKILL))
        await process.no_order()
        theirs.close()
        child.channel.close()


async def test_end_asks_first() -> None:
    async with script() as process:
        child, theirs = await process.fork("evaluator", 10)
        ending = asyncio.create_task(child.end(DEADLINE))
        assert (await process.order())[0] == Signal(10, 15)
        assert theirs.receive() is None
        assert await is_waiting(ending)
        process.report(Exited(10, -15))
        assert await soon(ending) == -15
        await process.no_order()
        theirs.close()


async def test_end_kills_after_the_grace() -> None:
    async with script() as process:
        child, theirs = await process.fork("evaluator", 10)
        ending = asyncio.create_task(child.end(0.01))
        assert (await process.order())[0] == Signal(10, 15)
        assert (await process.order())[0] == Signal(10, 9)
        assert await is_waiting(ending), "until it has ended"
        process.report(Exited(10, -9))
        assert await soon(ending) == -9
        theirs.close()


async def test_end_of_what_has_ended() -> None:
    async with script() as process:
        child, theirs = await process.fork("evaluator", 10)
        process.report(Exited(10, 3))
        await soon(child.ended())
        assert await soon(child.end(DEADLINE)) == 3
        await process.no_order()
        theirs.close()


async def test_the_order_to_exit() -> None:
    async with script() as process:
        await soon(process.forker.exit())
        assert (await process.order())[0] == Exit()


async def test_the_loss_of_the_process() -> None:
    async with script() as process:
        child, theirs = await process.fork("evaluator", 10)
        forking = asyncio.create_task(process.forker.fork("run"))
        _, lost = await process.fork_order()
        lost.close()
        await process.die()
        message = r"^The process that starts runs has ended\.$"
        with pytest.raises(WorkerCrashed, match=message):
            await soon(forking)
        with pytest.raises(WorkerCrashed, match=message):
            await soon(process.forker.fork("run"))
        assert await soon(child.ended()) is None, "nobody saw how it ended"
        assert process.forker.children == frozenset()
        # What its owners do next fails no more than it does.
        await soon(child.signal(signal.SIGTERM))
        assert await soon(child.end(0.01)) is None
        await soon(process.forker.signal(10, signal.SIGTERM))
        await soon(process.forker.exit())
        theirs.close()


async def test_rubbish_is_a_loss() -> None:
    async with script() as process:
        child, theirs = await process.fork("evaluator", 10)
        process.socket.sendall(b"print() of user code that found the socket")
        await soon(process.following)
        assert await soon(child.ended()) is None
        theirs.close()
        child.channel.close()


async def test_the_reason_of_the_loss() -> None:
    async with script() as process:
        forking = asyncio.create_task(process.forker.fork("host"))
        _, lost = await process.fork_order()
        lost.close()
        process.report(DagsterMissing("Dagster cannot be imported: KeyError('{role} {')"))
        await process.die()
        for failing in (forking, process.forker.fork("host")):
            with pytest.raises(WorkerCrashed) as error:
                await soon(failing)
            assert str(error.value) == "Dagster cannot be imported: KeyError('{role} {')"


async def test_a_reason_that_is_not_received_yet() -> None:
    """The process has sent it and ended before the order could be sent."""
    ours, theirs = socket.socketpair()
    forker = Forker(Channel(ours), Outputs())
    theirs.sendall(encode(DagsterMissing("Dagster is missing")))
    theirs.close()
    forking = asyncio.create_task(forker.fork("host"))
    following = asyncio.create_task(forker.follow())
    with pytest.raises(WorkerCrashed, match="Dagster is missing"):
        await soon(forking)
    await soon(following)


async def test_a_fork_before_the_loss_is_noticed(short_patience: None) -> None:
    """The order cannot be sent any more, and the loss leaves nothing behind that nobody awaits."""
    ours, theirs = socket.socketpair()
    forker = Forker(Channel(ours), Outputs())
    theirs.close()
    with pytest.raises(WorkerCrashed, match="The process that starts hosts has ended"):
        await soon(forker.fork("host"))
    await soon(forker.follow())


ADOPTIONS: list[tuple[list[str], int | None]] = [
    (["host dies", "run exits"], 5),
    # Two sockets, so the adopter's report may come first.
    (["run exits", "host dies"], 5),
    (["run exits", "forkserver dies", "host dies"], 5),
    (["host dies", "forkserver dies"], None),
    (["forkserver dies", "host dies"], None),
]


@pytest.mark.parametrize(
    ("events", "code"), ADOPTIONS, ids=[", ".join(events) for events, _ in ADOPTIONS]
)
async def test_runs_are_adopted(events: list[str], code: int | None) -> None:
    async with script() as forkserver, script(adopter=forkserver.forker) as host:
        run, theirs = await host.fork("run", NOBODY)
        waiting = asyncio.create_task(run.ended())
        for event in events:
            assert await is_waiting(waiting)
            if event == "host dies":
                await host.die()
            elif event == "forkserver dies":
                await forkserver.die()
            else:
                forkserver.report(Exited(NOBODY, 5))
                await forkserver.heard()
        assert await soon(waiting) == code
        assert forkserver.forker.children == frozenset()
        theirs.close()
        run.close()


async def test_the_adopter_signals_what_it_has_adopted() -> None:
    async with script() as forkserver, script(adopter=forkserver.forker) as host:
        run, theirs = await host.fork("run", NOBODY)
        await host.die()
        assert forkserver.forker.children == {run}
        assert (await forkserver.order())[0] == Adopt(NOBODY)
        await soon(run.signal(signal.SIGINT))
        assert (await forkserver.order())[0] == Signal(NOBODY, 2)
        forkserver.report(Exited(NOBODY, -2))
        assert await soon(run.ended()) == -2
        theirs.close()
        run.close()


async def test_only_runs_are_adopted() -> None:
    """The others do not outlive their parent."""
    async with script() as forkserver, script(adopter=forkserver.forker) as host:
        child, theirs = await host.fork("evaluator", 10)
        await host.die()
        assert await soon(child.ended()) is None
        assert forkserver.forker.children == frozenset()
        theirs.close()
        child.close()


async def test_ends_of_strangers_are_remembered_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forker_module, "_REMEMBERED_EXITS", 2)
    async with script() as forkserver, script(adopter=forkserver.forker) as host:
        pids = range(NOBODY, NOBODY + 3)
        runs = [await host.fork("run", pid) for pid in pids]
        for code, pid in enumerate(pids, 10):
            forkserver.report(Exited(pid, code))
        await forkserver.heard()
        await host.die()
        assert [run.exited.done() for run, _ in runs] == [False, True, True]
        assert [await soon(run.ended()) for run, _ in runs[1:]] == [11, 12]
        for run, theirs in runs:
            theirs.close()
            run.close()


async def test_the_end_of_a_stranger_is_not_that_of_a_later_run_of_the_same_number() -> None:
    async with script() as forkserver, script(adopter=forkserver.forker) as host:
        forkserver.report(Exited(NOBODY, 5))
        await forkserver.heard()
        run, theirs = await host.fork("run", NOBODY)
        await host.die()
        assert not run.exited.done()
        forkserver.report(Exited(NOBODY, 6))
        assert await soon(run.ended()) == 6
        theirs.close()
        run.close()


async def test_orders_to_a_process_that_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "OBEDIENCE", 0.01)
    ours, theirs = socket.socketpair()
    with theirs:
        forker = Forker(Channel(ours), Outputs())
        ours.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(4096))
        await soon(forker.signal(NOBODY, signal.SIGTERM))
        await soon(forker.exit())
    await soon(forker.follow())


@pytest.mark.parametrize(("role", "readers"), [("evaluator", 0), ("host", 0), ("run", 2)])
async def test_the_descriptors_of_a_child(
    caplog: pytest.LogCaptureFixture, role: str, readers: int
) -> None:
    """What outlives the front also has the ends to read its own output from."""
    caplog.set_level(logging.INFO, "codeserver.output")
    async with script() as process:
        child, theirs = await process.fork(role, NOBODY)
        assert len(theirs.readers) == readers
        os.write(theirs.stdout, b"to stdout\n")
        os.write(theirs.stderr, b"to stderr\n")
        child.output.drain()
        assert [
            (record.origin, record.pid, record.stream, record.getMessage())  # type: ignore[attr-defined]
            for record in caplog.records
        ] == [(role, NOBODY, "stdout", "to stdout"), (role, NOBODY, "stderr", "to stderr")]
        child.output.close()
        if readers:
            for reader, writer in zip(theirs.readers, (theirs.stdout, theirs.stderr), strict=True):
                os.write(writer, b"on its own")
                assert os.read(reader, 100) == b"on its own"
        else:
            with pytest.raises(BrokenPipeError):
                os.write(theirs.stdout, b"to nobody")
        theirs.close()
        child.close()


@pytest.mark.parametrize("way", ["fails", "is given up", "is lost"])
async def test_a_fork_that_comes_to_nothing_reads_no_output(way: str) -> None:
    async with script() as process:
        forking = asyncio.create_task(process.forker.fork("evaluator"))
        ordered, theirs = await process.fork_order()
        if way == "fails":
            process.report(ForkFailed(ordered.number, "no memory"))
        elif way == "is given up":
            forking.cancel()
        else:
            await process.die()
        await asyncio.wait([forking], timeout=DEADLINE)
        assert forking.cancelled() or isinstance(forking.exception(), WorkerCrashed)
        for fd in (theirs.stdout, theirs.stderr):
            with pytest.raises(BrokenPipeError):
                os.write(fd, b"to nobody")
        theirs.close()


@pytest.mark.parametrize(("role", "needed"), [("evaluator", 6), ("run", 8)])
async def test_a_fork_without_enough_descriptors(role: str, needed: int) -> None:
    """Whichever is the first that cannot be had, those before it are closed."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with script() as process:
        for left in range(needed):
            free = _free_numbers(left + 1)
            resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], limits[1]))
            try:
                with pytest.raises(WorkerCrashed, match=rf"^No process for a {role}: Too many"):
                    await soon(process.forker.fork(role))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            assert _free_numbers(left + 1) == free
        await process.no_order()
        child, theirs = await process.fork(role, NOBODY)
        theirs.close()
        child.close()


def _free_numbers(count: int) -> list[int]:
    """The descriptors that will be opened next."""
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
    for fd in opened:
        os.close(fd)
    return opened
