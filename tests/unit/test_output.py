"""What worker processes print: read as it comes, logged by line, and never in their way."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Iterator

import pytest

from codeserver.supervisor.processes.output import Budget, Outputs
from tests.unit.waiting import soon, until


class Printer:
    """A process that prints, played by a test."""

    def __init__(self, outputs: Outputs) -> None:
        (stdout, self.stdout), (stderr, self.stderr) = os.pipe(), os.pipe()
        self.readers = (stdout, stderr)
        self.output = outputs.open("sensor nightly", stdout, stderr)
        self.output.pid = 4711
        self._open = {self.stdout, self.stderr}

    def print(self, data: bytes, fd: int | None = None) -> None:
        """On standard error, if nothing else is said."""
        while data:  # a signal may come in between, as when this process is stopped for a while
            data = data[os.write(self.stderr if fd is None else fd, data) :]

    def end(self) -> None:
        """Close both streams."""
        while self._open:
            os.close(self._open.pop())

    @property
    def is_read(self) -> bool:
        """Whether anybody still could read what it prints."""
        try:
            os.write(self.stderr, b"\n")
        except BrokenPipeError:
            return False
        return True


@contextlib.contextmanager
def printing() -> Iterator[Printer]:
    """At the end no descriptor may be left open."""
    outputs = Outputs()
    printer = Printer(outputs)
    try:
        yield printer
    finally:
        printer.end()
        outputs.close()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "codeserver.output")
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelno == logging.INFO]


def losses(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelno == logging.WARNING]


LINES: dict[str, tuple[list[bytes], list[str]]] = {
    # what is printed at a time, and the lines that are logged in the end
    "one line": ([b"one\n"], ["one"]),
    "several at once": ([b"one\ntwo\n\nfour\n"], ["one", "two", "", "four"]),
    "a line in parts": ([b"o", b"n", b"e\nt", b"wo\n"], ["one", "two"]),
    "without an end": ([b"one\ntwo"], ["one", "two"]),
    "only a line end": ([b"\n"], [""]),
    "UTF-8": (["zwölf €😀\n".encode()], ["zwölf €😀"]),
    "UTF-8 in parts": ([bytes([byte]) for byte in "ö€😀\n".encode()], ["ö€😀"]),
    "no UTF-8": ([b"caf\xe9 \xff\n", b"next\n"], ["caf\ufffd \ufffd", "next"]),
    "half a character at the end": ([b"x\xe2\x82"], ["x\ufffd"]),
    "line ends of Windows": ([b"one\r\ntwo\r", b"\n"], ["one", "two"]),
    "a bar of progress": ([b"10%\r20%\r\n"], ["10%\r20%"]),
    "other separators": (["a\u2028b\x0bc\n".encode()], ["a\u2028b\x0bc"]),
    "a zero byte": ([b"a\0b\n"], ["a\0b"]),
    "percent signs": ([b"100%s %d\n"], ["100%s %d"]),
}


@pytest.mark.parametrize(("parts", "expected"), LINES.values(), ids=LINES)
async def test_lines(
    log: pytest.LogCaptureFixture, parts: list[bytes], expected: list[str]
) -> None:
    with printing() as printer:
        for part in parts:
            printer.print(part)
            printer.output.drain()
        printer.end()
        await until(lambda: not printer.output.is_open)
        assert lines(log) == expected


async def test_lines_are_logged_as_they_come(log: pytest.LogCaptureFixture) -> None:
    """With nobody asking for them; a line that is not complete waits for its rest."""
    with printing() as printer:
        printer.print(b"first\nsec")
        await until(lambda: lines(log) == ["first"])
        printer.print(b"ond\n")
        await until(lambda: lines(log) == ["first", "second"])


async def test_where_a_line_comes_from(log: pytest.LogCaptureFixture) -> None:
    with printing() as printer:
        printer.print(b"to stdout\n", printer.stdout)
        printer.output.begin("sensor hourly")
        printer.print(b"to stderr\n")
        printer.output.drain()
        assert [
            (each.name, each.levelname, each.origin, each.pid, each.stream, each.getMessage())  # type: ignore[attr-defined]
            for each in log.records
        ] == [
            ("codeserver.output", "INFO", "sensor nightly", 4711, "stdout", "to stdout"),
            ("codeserver.output", "INFO", "sensor hourly", 4711, "stderr", "to stderr"),
        ]


@pytest.mark.parametrize("size", [140_000, 1_000_000])
async def test_a_very_long_line_is_logged_in_pieces(
    log: pytest.LogCaptureFixture, size: int
) -> None:
    with printing() as printer:
        text = b"0123456789" * (size // 10)
        await soon(asyncio.to_thread(printer.print, text + b"\nnext\n"))
        await until(lambda: lines(log)[-1:] == ["next"])
        pieces = lines(log)[:-1]
        assert "".join(pieces).encode() == text
        assert len(pieces) > 1
        assert max(map(len, pieces)) < 100_000
        assert losses(log) == []


async def test_a_flood_leaves_the_event_loop_to_others(log: pytest.LogCaptureFixture) -> None:
    """Lines are logged some at a time, so that who waits for the loop gets a turn in between."""
    with printing() as printer:
        printer.print(b"x\n" * 8000)
        seen = set()
        while len(lines(log)) < 8000:
            seen.add(len(lines(log)))
            await asyncio.sleep(0)
        assert len(seen) > 20


BUDGETS: dict[str, tuple[Budget, float, float, bool, float]] = {
    # the budget, the cost, the time, whether it is allowed, and what is left then
    "enough": (Budget(5.0, 20.0, left=10.0), 3.0, 0.0, True, 7.0),
    "more than there is left": (Budget(5.0, 20.0, left=1.0), 3.0, 0.0, True, -2.0),
    "nothing left": (Budget(5.0, 20.0, left=0.0), 1.0, 0.0, False, 0.0),
    "a little later": (Budget(4.0, 20.0, left=-2.0), 1.0, 0.25, False, -1.0),
    "later": (Budget(4.0, 20.0, left=-2.0), 1.0, 1.0, True, 1.0),
    "much later": (Budget(4.0, 20.0, left=10.0), 1.0, 1000.0, True, 19.0),
}


@pytest.mark.parametrize(
    ("budget", "cost", "now", "allowed", "left"), BUDGETS.values(), ids=BUDGETS
)
def test_the_budget(budget: Budget, cost: float, now: float, allowed: bool, left: float) -> None:
    budget = dataclasses.replace(budget)
    assert budget.allows(cost, now) is allowed
    assert (budget.left, budget.at) == (left, now)


def exhausted() -> Budget:
    """Nothing may be logged for a long time."""
    return Budget(per_second=0.0, most=50.0, left=0.0, at=time.monotonic())


async def test_what_is_beyond_the_budget_is_counted(log: pytest.LogCaptureFixture) -> None:
    with printing() as printer:
        printer.output.budget = exhausted()
        printer.print(b"x" * 9 + b"\n", printer.stdout)
        printer.print(b"y" * 29 + b"\n")
        printer.output.drain()
        assert lines(log) == []
        assert [(each.stream, each.getMessage().split()[0]) for each in log.records] == [  # type: ignore[attr-defined]
            ("stdout", "10"),
            ("stderr", "30"),
        ]
        printer.output.budget.left = 50.0
        printer.print(b"again\n")
        printer.output.drain()
        assert lines(log) == ["again"]
        assert len(losses(log)) == 2, "each loss is reported once"


async def test_what_was_dropped_is_said_when_there_is_room_again(
    log: pytest.LogCaptureFixture,
) -> None:
    with printing() as printer:
        printer.output.budget = exhausted()
        printer.print(b"x\n" * 1000)
        await until(lambda: not printer.output._stderr._lines and printer.output._stderr._dropped)
        printer.output.budget.left = 50.0
        printer.print(b"again\n")
        await until(lambda: lines(log) == ["again"])
        assert [text.split()[0] for text in losses(log)] == ["2000"]


async def test_the_budgets_of_processes_are_their_own(log: pytest.LogCaptureFixture) -> None:
    with printing() as loud, printing() as quiet:
        loud.output.budget = exhausted()
        loud.print(b"loud\n")
        quiet.print(b"quiet\n")
        quiet.output.drain()
        loud.output.drain()
        assert lines(log) == ["quiet"]


LAST_WORDS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "a few lines": (b"one\ntwo\n", "one\ntwo"),
    "a line without an end": (b"one\ntwo", "one\ntwo"),
    "many lines": (
        b"".join(b"%d\n" % number for number in range(1000)),
        "\n".join(map(str, range(985, 1000))),
    ),
    "a long line": (b"x" * 1000 + b"\n", "x" * 400),
    "no UTF-8": (b"caf\xe9\n", "caf\ufffd"),
    "a crash of the interpreter": (
        b"before\nFatal Python error: Segmentation fault\n\nCurrent thread\n  File x\n",
        "Fatal Python error: Segmentation fault\n\nCurrent thread\n  File x",
    ),
    "a crash with a long stack": (
        b"before\nFatal Python error: Aborted\n" + b"  File x\n" * 200,
        "Fatal Python error: Aborted\n" + "\n".join(["  File x"] * 14),
    ),
    "the program that copies output": (
        b"tail: inotify cannot be used, reverting to polling: Too many open files\nend\n",
        "end",
    ),
    "who only speaks of one": (b"said: Fatal Python error\nend\n", "said: Fatal Python error\nend"),
}


@pytest.mark.parametrize(("printed", "words"), LAST_WORDS.values(), ids=LAST_WORDS)
@pytest.mark.parametrize("ended", [True, False])
async def test_last_words(printed: bytes, words: str, ended: bool) -> None:
    """Of standard error, and of what was printed just now, too."""
    with printing() as printer:
        printer.print(b"something else\n", printer.stdout)
        printer.print(printed)
        if ended:
            printer.end()
        assert printer.output.last_words() == words
        assert printer.output.last_words() == words


async def test_last_words_are_logged_before_they_are_told(log: pytest.LogCaptureFixture) -> None:
    with printing() as printer:
        printer.print(b"out", printer.stdout)
        printer.print(b"err")
        assert printer.output.last_words() == "err"
        assert lines(log) == ["out", "err"]


async def test_last_words_of_what_was_dropped() -> None:
    with printing() as printer:
        printer.output.budget = exhausted()
        for part in (b"x\n" * 20_000, b"the end\n"):
            printer.print(part)
            printer.output.drain()
        assert printer.output.last_words().endswith("\nx\nthe end")


async def test_last_words_begin_with_the_request(log: pytest.LogCaptureFixture) -> None:
    with printing() as printer:
        printer.print(b"before\n")
        printer.output.begin("sensor hourly")
        assert printer.output.last_words() == ""
        printer.print(b"now\n")
        assert printer.output.last_words() == "now"
        assert [each.origin for each in log.records] == ["sensor nightly", "sensor hourly"]  # type: ignore[attr-defined]


async def test_little_is_kept_of_what_is_not_logged_yet() -> None:
    """Who prints faster than can be logged waits for that, as for any reader."""
    with printing() as printer:
        printer.output.budget = Budget(0.0, most=1e9, left=1e9, at=time.monotonic())
        text = b"x\n" * 100_000
        work = asyncio.create_task(asyncio.to_thread(printer.print, text))
        kept = []
        while not work.done():
            kept.append(len(printer.output._stderr._lines))
            await asyncio.sleep(0)
        await work
        assert max(kept) < 10_000


async def test_close_reads_what_is_left_and_no_more(log: pytest.LogCaptureFixture) -> None:
    with printing() as printer:
        printer.print(b"one\ntwo")
        printer.output.close()
        assert lines(log) == ["one", "two"]
        assert not printer.output.is_open
        assert not printer.is_read
        printer.output.close()
        printer.output.drain()
        assert printer.output.last_words() == "one\ntwo"


async def test_outputs_close_all() -> None:
    outputs = Outputs()
    printers = [Printer(outputs) for _ in range(3)]
    printers[1].output.close()
    assert [printer.is_read for printer in printers] == [True, False, True]
    outputs.close()
    assert [printer.output.is_open for printer in printers] == [False] * 3
    assert [printer.is_read for printer in printers] == [False] * 3
    for printer in printers:
        printer.end()


async def test_outputs_do_not_keep_what_has_ended() -> None:
    """A server forks millions of evaluators in its life."""
    outputs = Outputs()
    for _ in range(5):
        printer = Printer(outputs)
        printer.end()
        await until(lambda output=printer.output: not output.is_open)  # type: ignore[misc]
    assert len(outputs._open) <= 1


async def test_the_end_of_a_stream_closes_it() -> None:
    with printing() as printer:
        readers = [os.fstat(fd).st_ino for fd in printer.readers]
        printer.end()
        await until(lambda: not printer.output.is_open)
        open_still = [
            fd for fd, inode in zip(printer.readers, readers, strict=True) if inode_of(fd) == inode
        ]
        assert open_still == []


def inode_of(fd: int) -> int | None:
    """That of what is open; it may be another thread's by now."""
    with contextlib.suppress(OSError):
        return os.fstat(fd).st_ino
    return None
