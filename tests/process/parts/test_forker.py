"""Forking by order, with a process that forks and children that end in every way."""

from __future__ import annotations

import logging
import os
import signal

import psutil
import pytest

from codeserver.messages import (
    Answer,
)
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.killing import kill_group
from codeserver.system import IS_LINUX
from tests.process.parts.forking import forking_host, forking_process, order, value
from tests.support.portable import needs_linux
from tests.unit.scripted import NOBODY
from tests.unit.waiting import soon, until


async def test_real_children_end_in_every_way() -> None:
    async with forking_process() as forker:
        ways = {
            0: lambda child: child.channel.close(),
            3: lambda child: order(child, "exit", code=3),
            -signal.SIGSEGV: lambda child: order(child, "kill", signal=signal.SIGSEGV),
            -signal.SIGTERM: lambda child: child.signal(signal.SIGTERM),
        }
        children = [await soon(forker.fork("evaluator")) for _ in ways]
        assert forker.children == set(children)
        for child in children:
            assert await value(child, "[os.getpid(), os.getsid(0)]") == [child.pid] * 2
        for child, (code, end) in zip(children, ways.items(), strict=True):
            ending = end(child)
            if ending is not None:
                await soon(ending)
            assert await soon(child.ended()) == code
            child.channel.close()
        assert forker.children == frozenset()


async def test_a_real_child_that_does_not_listen_is_killed_with_its_offspring() -> None:
    """The fixture that looks for processes after each test would find the grandchild."""
    async with forking_process() as forker:
        child = await soon(forker.fork("evaluator"))
        assert await order(child, "deaf", tell=True) == Answer(b"busy")
        assert await soon(child.end(0.05)) == -signal.SIGKILL


@pytest.mark.parametrize("role", ["evaluator", "run"])
async def test_a_child_of_a_process_that_was_stopped_is_killed_all_the_same(
    role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its offspring, too; the parent reports its end when it goes on."""
    monkeypatch.setattr(patience, "OBEDIENCE", 0.05)
    async with forking_process() as forker:
        child = await soon(forker.fork(role))
        other = await soon(forker.fork("evaluator"))
        assert await order(child, "deaf", tell=True) == Answer(b"busy")
        os.kill(forker.pid, signal.SIGSTOP)
        assert await soon(child.end(0.05)) == -signal.SIGKILL
        assert forker.is_deaf
        os.kill(forker.pid, signal.SIGCONT)
        await until(lambda: forker.children == {other})
        assert not forker.is_deaf
        assert await order(other, "echo"), "the other one was not meant"
        other.close()


async def test_only_the_child_that_is_meant_is_killed() -> None:
    async with forking_process() as forker:
        child = await soon(forker.fork("evaluator"))
        assert kill_group(child.pid, os.getpid()) is None, "it has another parent"
        assert kill_group(NOBODY, forker.pid) is None, "there is none"
        assert await order(child, "echo"), "it lives"
        assert kill_group(child.pid, forker.pid) == -signal.SIGKILL
        assert await soon(child.ended()) == -signal.SIGKILL
        assert kill_group(child.pid, forker.pid) is None, "it has ended"
        child.close()


async def test_real_children_do_not_outlive_the_process_that_forked_them() -> None:
    async with forking_process() as forkserver, forking_host(forkserver) as (hosting, host):
        child = await soon(host.fork("evaluator"))
        assert await order(child, "hang", tell=True) == Answer(b"busy")
        await soon(hosting.signal(signal.SIGKILL))
        assert await soon(hosting.ended()) == -signal.SIGKILL
        assert await soon(child.channel.expect(Answer)) is None, "the kernel has ended it"
        assert await soon(child.ended()) is None
        child.channel.close()


async def test_a_child_that_does_not_listen_ends_with_its_parent() -> None:
    """With its offspring, too."""
    async with forking_process() as forkserver, forking_host(forkserver) as (hosting, host):
        child = await soon(host.fork("evaluator"))
        assert await order(child, "deaf", tell=True) == Answer(b"busy")
        await soon(hosting.signal(signal.SIGKILL))
        assert await soon(child.ended()) is None, "nobody knows how"
        await until(lambda: has_ended(child.pid))
        child.close()


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or waits to be reaped."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.skipif(IS_LINUX, reason="it is adopted on Linux")
async def test_a_real_run_that_nobody_adopts_can_be_signalled() -> None:
    async with forking_process() as forkserver, forking_host(forkserver) as (hosting, host):
        run = await soon(host.fork("run"))
        assert await value(run, "os.getppid()") == hosting.pid
        await soon(hosting.signal(signal.SIGKILL))
        await soon(hosting.ended())
        assert await soon(run.ended()) is None, "nobody knows how it will end"
        assert await value(run, "os.getppid()") != hosting.pid
        await soon(run.signal(signal.SIGTERM))
        assert await soon(run.channel.receive()) is None
        await soon(run.signal(signal.SIGTERM))  # to nobody
        run.close()


@needs_linux("nobody adopts it elsewhere")
async def test_a_real_run_outlives_its_host_and_is_adopted() -> None:
    async with forking_process() as forkserver, forking_host(forkserver) as (hosting, host):
        run = await soon(host.fork("run"))
        facts = "[os.getpid(), os.getppid()]"
        assert await value(run, facts) == [run.pid, hosting.pid]
        await soon(hosting.signal(signal.SIGKILL))
        await soon(hosting.ended())
        await until(lambda: run in forkserver.children)
        pid, parent = await value(run, facts)
        assert pid == run.pid
        assert parent != hosting.pid
        await order(run, "exit", code=7)
        assert await soon(run.ended()) == 7
        run.close()


async def test_real_children_print(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "codeserver.output")
    async with forking_process() as forker:
        child = await soon(forker.fork("evaluator"))
        await order(child, "print", stdout="é\n", stderr="no newline")
        assert child.output.last_words() == "no newline"
        child.channel.close()
        assert await soon(child.ended()) == 0
        await until(lambda: not child.output.is_open)
    found = [(record.pid, record.getMessage()) for record in caplog.records]  # type: ignore[attr-defined]
    assert found == [(child.pid, "é"), (child.pid, "no newline")]


@pytest.mark.parametrize("role", ["evaluator", "run"])
async def test_a_real_child_prints_to_pipes_that_nobody_else_reads(role: str) -> None:
    """A run goes on when the front is gone, an evaluator has nobody to print to."""
    async with forking_process() as forker:
        child = await soon(forker.fork(role))
        assert await value(child, "len(readers)") == (2 if role == "run" else 0)
        child.output.close()
        reply = await order(child, "print", stdout="x", stderr="y")
        assert (reply is not None) is (role == "run")
        child.close()
        assert await soon(child.ended()) == (0 if role == "run" else 1)
