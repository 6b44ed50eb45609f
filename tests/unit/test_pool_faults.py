"""Evaluators that hang, crash or close up, callers that go away, and what the pool does then."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import pytest

from codeserver.errors import RequestTimeout, WorkerCrashed
from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.supervisor.evaluating import pool as pool_module
from codeserver.supervisor.evaluating import request as request_module
from codeserver.supervisor.processes import patience
from tests.unit.evaluators import TOO_LONG, pool
from tests.unit.waiting import DEADLINE, soon, until


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the pool takes for the time."""
    made = Clock()
    for module in (pool_module, request_module):
        monkeypatch.setattr(module, "time", made)
    return made


@pytest.mark.parametrize("deed", ["hang", "close", "rubbish"])
@pytest.mark.usefixtures("short_patience")
async def test_a_request_that_takes_too_long(deed: str) -> None:
    async with pool(slots=1) as used:
        if deed == "hang":
            with pytest.raises(RequestTimeout, match=r"^The hang x took longer than 30 seconds"):
                await used.ask_too_long(deed)
        else:
            with pytest.raises(WorkerCrashed):
                await used.ask(deed)
        assert (await used.ask("echo", b"next")).body == b"NEXT", "the slot is free"
        await soon(used.tasks.settle())
        first, second = used.starter.evaluators
        assert not first.alive
        assert first.signals == [STACK_SIGNAL if deed == "hang" else signal.SIGTERM]
        assert len(second.requests) == 1


@pytest.mark.usefixtures("short_grace")
async def test_an_evaluator_that_ignores_sigterm() -> None:
    async with pool(slots=1) as used:
        with pytest.raises(RequestTimeout):
            await used.ask_too_long("hang deaf")
        await soon(used.tasks.settle())
        assert used.starter.evaluators[0].signals == [
            STACK_SIGNAL,
            NATIVE_STACK_SIGNAL,
            signal.SIGKILL,
        ]


@pytest.mark.usefixtures("long_grace")
async def test_the_slot_is_free_when_the_evaluator_is_gone() -> None:
    """The caller does not wait for that."""
    async with pool(slots=1) as used:
        late = used.start("hang deaf", b"late", timeout=TOO_LONG)
        await used.started(b"late")
        following = used.start("echo", b"next")
        await until(lambda: used.load == (1, 1))
        used.clock.let_pass(TOO_LONG)
        with pytest.raises(RequestTimeout):
            await late
        [evaluator] = used.starter.evaluators
        await until(lambda: evaluator.signals == [STACK_SIGNAL])
        assert evaluator.alive
        assert used.load == (1, 1)
        assert used.starter.started == 1
        await evaluator.signal(signal.SIGKILL)
        assert (await following).body == b"NEXT"


@pytest.mark.usefixtures("long_grace")
async def test_the_share_of_a_subject_is_free_at_once() -> None:
    """Where there is room, its next request does not wait for the end of the evaluator before."""
    async with pool(slots=2) as used:
        with pytest.raises(RequestTimeout):
            await used.ask_too_long("hang deaf", subject="sensor a")
        [evaluator] = used.starter.evaluators
        assert (await used.ask(subject="sensor a")).body == b"X"
        assert evaluator.alive
        await evaluator.signal(signal.SIGKILL)


@pytest.mark.usefixtures("short_grace")
async def test_the_slot_of_an_evaluator_that_cannot_be_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one that waits for a disk; it must not cost its slot for ever."""
    monkeypatch.setattr(patience, "DEATH", 0.02)
    async with pool(slots=1) as used:
        with pytest.raises(RequestTimeout):
            await used.ask_too_long("hang undead")
        assert (await used.ask("echo", b"next")).body == b"NEXT"
        undead = used.starter.evaluators[0]
        await until(lambda: undead.signals == [STACK_SIGNAL, NATIVE_STACK_SIGNAL, signal.SIGKILL])
        assert undead.alive
        await undead.end(-9)


async def test_waiting_for_a_slot_takes_too_long() -> None:
    async with pool(slots=1) as used:
        asking = used.start("wait", b"a")
        await used.started(b"a")
        with pytest.raises(
            RequestTimeout, match=r"^The tick x waited 0\.05 seconds.*--max-workers"
        ):
            await used.ask("tick", timeout=0.05)
        assert used.load == (1, 0)
        used.starter.open(b"a")
        assert (await asking).body == b"A", "the other request is not disturbed"
        assert len(used.starter.evaluators) == 1


async def test_waiting_counts_to_the_timeout(clock: Clock) -> None:
    async with pool(slots=1) as used:
        first = used.start("wait", b"a")
        await used.started(b"a")
        second = used.start("hang", timeout=DEADLINE)
        await until(lambda: used.load == (1, 1))
        clock.now += DEADLINE
        used.starter.open(b"a")
        await first
        with pytest.raises(RequestTimeout, match=rf"hang x had no time left.* {DEADLINE:g} sec"):
            await asyncio.wait_for(second, DEADLINE / 2)


async def test_a_timeout_during_the_start() -> None:
    """What is started all the same answers a later request."""
    async with pool(slots=1) as used:
        used.starter.may_start.clear()
        asking = used.start("echo", timeout=TOO_LONG)
        await until(lambda: used.starter.started)
        used.clock.let_pass(TOO_LONG)
        with pytest.raises(RequestTimeout, match=r"No process for the echo x was ready within 30 "):
            await asking
        used.starter.may_start.set()
        await until(lambda: used.starter.evaluators)
        for _ in range(2):
            assert (await used.ask()).body == b"X"
        assert used.starter.started == 1


@pytest.mark.parametrize("timeout", [0.0, -5.0])
async def test_a_deadline_that_has_passed(timeout: float) -> None:
    """As gRPC's may have been before the request is read."""
    async with pool() as used:
        with pytest.raises(RequestTimeout):
            await used.ask(timeout=timeout)


async def test_a_caller_that_goes_away() -> None:
    async with pool(slots=1) as used:
        asking = used.start("hang", b"a")
        await used.started(b"a")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await used.ask("echo", b"next")).body == b"NEXT"
        await soon(used.tasks.settle())
        assert used.starter.evaluators[0].signals == [signal.SIGTERM]
        assert len(used.starter.evaluators) == 2


async def test_a_caller_that_goes_away_while_it_waits() -> None:
    async with pool(slots=1) as used:
        first, second = used.start("wait", b"a"), used.start("wait", b"b")
        await used.started(b"a")
        assert used.load == (1, 1)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert used.load == (1, 0)
        used.starter.open(b"a")
        assert (await first).body == b"A"
        assert used.starter.served == [b"a"]


@pytest.mark.parametrize(
    ("code", "how"),
    [(3, "exited with code 3"), (-11, r"was killed by signal 11 \(SIGSEGV\)"), (None, "ended")],
)
async def test_a_crash(code: int | None, how: str) -> None:
    async with pool(slots=1) as used:
        with pytest.raises(WorkerCrashed, match=f"^The process that evaluated the die x {how}"):
            await used.ask("die", extra={"code": code})
        assert (await used.ask("echo", b"next")).body == b"NEXT"
        assert len(used.starter.evaluators) == 2


@pytest.mark.parametrize(
    ("code", "how"),
    [(3, "exited with code 3"), (-9, r"was killed by signal 9 \(SIGKILL\)")],
)
async def test_a_crash_that_is_reported_late(
    code: int, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that reaps it may have been too busy to say so at once."""
    monkeypatch.setattr(patience, "EXIT_REPORT", 0.0)
    monkeypatch.setattr(patience, "END_GRACE", DEADLINE)
    async with pool() as used:
        with pytest.raises(WorkerCrashed, match=f"^The process that evaluated the .* {how}"):
            await used.ask("die unreported", extra={"code": code})


async def test_a_crash_tells_what_was_printed_last(caplog: pytest.LogCaptureFixture) -> None:
    """By this request, and not by the one before; it is in the log, too, with its origin."""
    caplog.set_level(logging.INFO, "codeserver.output")
    async with pool() as used:
        await used.ask(subject="sensor before")
        [evaluator] = used.starter.evaluators
        words = "Traceback\nit was\nthis"
        pid = evaluator.child.pid
        with pytest.raises(WorkerCrashed) as error:
            await used.ask("die", extra={"code": 3, "words": words}, subject="sensor nightly")
        assert str(error.value) == (
            "The process that evaluated the sensor nightly exited with code 3. The last lines on "
            f"its standard error:\n{words}"
        )
        said = [each for each in caplog.records if each.name == "codeserver"]
        assert [(each.levelname, each.getMessage()) for each in said] == [
            (
                "WARNING",
                f"the evaluator of the sensor nightly (process {pid}) exited with code 3",
            )
        ]
        printed = [each for each in caplog.records if each.name == "codeserver.output"]
        assert [(each.origin, each.getMessage()) for each in printed] == [  # type: ignore[attr-defined]
            ("sensor nightly", line) for line in words.split("\n")
        ]


async def test_words_of_the_request_before_are_not_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "codeserver.output")
    async with pool() as used:
        await used.ask(subject="sensor before")
        os.write(used.starter.evaluators[0].stderr, b"words of the sensor before\n")
        with pytest.raises(WorkerCrashed, match=r"exited with code 3\.$"):
            await used.ask("die", extra={"code": 3}, subject="sensor nightly")
        printed = [each for each in caplog.records if each.name == "codeserver.output"]
        assert [each.origin for each in printed] == ["sensor before"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("deed", ["close", "rubbish"])
@pytest.mark.usefixtures("short_grace", "short_patience")
async def test_an_evaluator_that_gives_up_its_connection(deed: str) -> None:
    async with pool() as used:
        with pytest.raises(WorkerCrashed, match="closed its connection to the server, and was end"):
            await used.ask(deed)
        assert used.starter.alive == [False]


async def test_a_subject_that_keeps_crashing_is_left_alone(clock: Clock) -> None:
    async with pool() as used:
        for _ in range(3):
            with pytest.raises(WorkerCrashed, match="evaluated the sensor bad"):
                await used.ask("die", extra={"code": 3}, subject="sensor bad")
        with pytest.raises(WorkerCrashed) as error:
            await used.ask(subject="sensor bad")
        assert str(error.value) == (
            "The sensor bad has crashed 3 times in a row and is not tried for another 0.5 seconds. "
            "The last time: The process that evaluated the sensor bad exited with code 3."
        )
        assert used.starter.started == 3
        await used.ask(subject="sensor good")
        await used.ask(subject="sensor bad", runs_user_code=False)
        clock.now += 0.6
        assert (await used.ask(subject="sensor bad")).body == b"X"
        for _ in range(2):
            with pytest.raises(WorkerCrashed, match="evaluated the sensor bad"):
                await used.ask("die", extra={"code": 3}, subject="sensor bad")
        assert (await used.ask(subject="sensor bad")).body == b"X", "the answer has ended the row"


async def test_those_that_have_waited_while_it_crashed_leave_it_alone_too(clock: Clock) -> None:
    async with pool(slots=1) as used:
        for _ in range(2):
            with pytest.raises(WorkerCrashed, match="evaluated the sensor bad"):
                await used.ask("die", extra={"code": 3}, subject="sensor bad")
        third = used.start("die later", b"third", extra={"code": 3}, subject="sensor bad")
        await used.started(b"third")
        waiting = used.start("echo", b"waiting", subject="sensor bad")
        await until(lambda: used.load == (1, 1))
        used.starter.open(b"third")
        with pytest.raises(WorkerCrashed, match="evaluated the sensor bad"):
            await third
        with pytest.raises(WorkerCrashed, match="has crashed 3 times in a row and is not tried"):
            await waiting
        assert b"waiting" not in used.starter.served
        assert used.starter.started == 3


async def test_errors_of_user_code_are_no_crashes() -> None:
    extra = {"message": "User code raised SystemExit(1)."}
    async with pool() as used:
        for _ in range(5):
            with pytest.raises(WorkerCrashed, match="SystemExit"):
                await used.ask("raise", extra=extra, subject="sensor exits")
            with pytest.raises(RequestTimeout):
                await used.ask_too_long("hang", subject="sensor hangs")
            await used.ask("fail", subject="sensor fails")


async def test_crashes_without_user_code_are_not_held_against_it() -> None:
    async with pool() as used:
        for _ in range(5):
            with pytest.raises(WorkerCrashed, match="evaluated the sensor x"):
                await used.ask("die", extra={"code": 1}, subject="sensor x", runs_user_code=False)
        assert (await used.ask(subject="sensor x")).body == b"X"


async def test_a_start_that_fails() -> None:
    async with pool(slots=1) as used:
        used.starter.failure = WorkerCrashed("No process for a evaluator")
        for _ in range(2):
            with pytest.raises(WorkerCrashed, match="No process"):
                await used.ask()
        used.starter.failure = None
        assert (await used.ask()).body == b"X"


@pytest.mark.parametrize("when", ["waits", "starts", "is answered"])
async def test_what_a_caller_that_goes_away_leaves_behind(when: str) -> None:
    """Nothing: the one slot is free, and nobody is waited for."""
    async with pool(slots=1) as used:
        first = used.start("wait", b"first") if when == "waits" else None
        if first:
            await used.started(b"first")
        if when == "starts":
            used.starter.may_start.clear()
        asking = used.start("hang", b"a")
        await until(
            {
                "waits": lambda: used.load == (1, 1),
                "starts": lambda: used.starter.started,
                "is answered": lambda: used.starter.served,
            }[when]
        )
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        used.starter.may_start.set()
        used.starter.open(b"first")
        if first:
            await first
        assert (await used.ask("echo", b"next")).body == b"NEXT"
        assert b"a" not in used.starter.served or when == "is answered"


async def test_where_a_late_one_is_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As what the request has printed."""
    caplog.set_level(logging.INFO, "codeserver.output")
    async with pool() as used:
        with pytest.raises(RequestTimeout):
            await used.ask_too_long("hang", subject="sensor late")
        await soon(used.tasks.settle())
        printed = [each for each in caplog.records if each.name == "codeserver.output"]
        assert [(each.origin, each.getMessage()) for each in printed] == [  # type: ignore[attr-defined]
            ("sensor late", "it was here")
        ]
