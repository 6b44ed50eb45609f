"""A stream that never blocks who writes to it, whoever reads it or does not."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from codeserver.cli.printing import background_writer
from codeserver.cli.printing.background_writer import BackgroundWriter
from tests.support.eventually import eventually
from tests.unit.waiting import DEADLINE

MORE_THAN_A_PIPE_HOLDS = 200_000


class Pipe:
    """What is written to, and the end that is read when a test says so."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._open = {self.reader, self.writer}

    def read(self, size: int) -> str:
        """Exactly so many bytes, which must be there soon."""
        data = b""
        while len(data) < size:
            data += self._read(size - len(data))
        return data.decode()

    def read_until(self, end: str) -> str:
        data = b""
        while not data.endswith(end.encode()):
            data += self._read(65536)
        return data.decode()

    def _read(self, size: int) -> bytes:
        ready, _, _ = select.select([self.reader], [], [], DEADLINE)
        assert ready, "nothing comes"
        return os.read(self.reader, size)

    def close(self, *fds: int) -> None:
        """These, or all that are left."""
        for fd in fds or tuple(self._open):
            self._open.discard(fd)
            os.close(fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def in_time(work: Callable[[], Any]) -> None:
    """Do this, or fail when it blocks."""
    doing = threading.Thread(target=work, daemon=True)
    doing.start()
    doing.join(DEADLINE)
    assert not doing.is_alive(), "it blocks"


@contextlib.contextmanager
def writing_to(pipe: Pipe) -> Iterator[BackgroundWriter]:
    """At the end nothing may be left that still wants to write."""
    before = set(threading.enumerate())
    writer = BackgroundWriter(pipe.writer)
    try:
        yield writer
    finally:
        in_time(writer.close)
        eventually(lambda: set(threading.enumerate()) <= before, every=0.01)


def test_what_is_written_is_read_in_order(pipe: Pipe) -> None:
    with writing_to(pipe) as writer:
        assert writer.write("one\n") == 4
        assert pipe.read(4) == "one\n"
        for number in range(100):
            writer.write(f"{number}\n")
        assert pipe.read_until("99\n") == "".join(f"{number}\n" for number in range(100))


def test_it_is_a_stream(pipe: Pipe) -> None:
    with writing_to(pipe) as writer:
        assert writer.writable()
        assert not writer.closed
        writer.flush()
        print("printed", file=writer)
        assert pipe.read(8) == "printed\n"
    assert writer.closed


@pytest.mark.parametrize(
    ("text", "data"),
    [("ä€😀\n", "ä€😀\n".encode()), ("caf\udce9\n", "caf\ufffd\n".encode()), ("", b"")],
)
def test_it_is_written_as_utf_8(pipe: Pipe, text: str, data: bytes) -> None:
    with writing_to(pipe) as writer:
        assert writer.write(text) == len(text)
        writer.write(".")
        assert pipe.read(len(data) + 1).encode() == data + b"."


@pytest.mark.parametrize("blocking", [True, False])
def test_a_reader_that_is_late_gets_everything(pipe: Pipe, blocking: bool) -> None:
    """Also where whoever has opened the log has made it non-blocking, as a terminal may be."""
    os.set_blocking(pipe.writer, blocking)
    with writing_to(pipe) as writer:
        text = "x" * MORE_THAN_A_PIPE_HOLDS
        in_time(lambda: (writer.write(text), writer.write("the end\n")))
        assert pipe.read_until("the end\n") == text + "the end\n"


def test_a_reader_that_does_not_read(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it, little is kept for it, and it is told what it has missed."""
    monkeypatch.setattr(background_writer, "_MOST_UNWRITTEN", 100_000)
    with writing_to(pipe) as writer:
        writer.describe_loss = "{} are lost\n".format
        writer.write("x" * MORE_THAN_A_PIPE_HOLDS + "\n")
        pipe.read(1)  # it is being written, and will not be done
        in_time(lambda: [writer.write(f"line {number:5}\n") for number in range(20_000)])
        read = pipe.read_until("are lost\n").splitlines()
        kept = [line for line in read if line.startswith("line")]
        assert kept == [f"line {number:5}" for number in range(len(kept))], "the oldest are kept"
        assert 8_000 < len(kept) < 10_000
        assert read[-1] == f"{20_000 - len(kept)} are lost", "in the place where they were"
        writer.write("again\n")
        assert pipe.read(6) == "again\n", "there is nothing more to say about what is lost"


def test_what_one_line_is_about_is_not_cut(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_writer, "_MOST_UNWRITTEN", 10)
    with writing_to(pipe) as writer:
        writer.write("x" * 1000)
        assert pipe.read(1000) == "x" * 1000


def test_close_writes_out_what_is_left(pipe: Pipe) -> None:
    with writing_to(pipe) as writer:
        for number in range(1000):
            writer.write(f"{number}\n")
    pipe.close(pipe.writer)
    assert pipe.read_until("999\n").count("\n") == 1000


def test_close_does_not_wait_long_for_a_reader_that_has_stopped(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_writer, "_MOST_PAUSES", 1)
    writer = BackgroundWriter(pipe.writer)
    writer.write("x" * MORE_THAN_A_PIPE_HOLDS)
    in_time(writer.close)
    [thread] = [each for each in threading.enumerate() if each.name == "log"]
    assert thread.daemon, "the process does not wait for it, either"
    pipe.read(MORE_THAN_A_PIPE_HOLDS)
    thread.join(DEADLINE)
    assert not thread.is_alive()


@pytest.mark.parametrize("end", ["reader", "writer"])
def test_a_log_that_is_gone(pipe: Pipe, end: str) -> None:
    """There is nobody to tell, and no reason to stop serving."""
    with writing_to(pipe) as writer:
        pipe.close(getattr(pipe, end))
        for _ in range(3):
            in_time(lambda: writer.write("x\n" * 1000))


def test_a_log_that_goes_away_while_it_is_written(pipe: Pipe) -> None:
    with writing_to(pipe) as writer:
        writer.write("x" * MORE_THAN_A_PIPE_HOLDS)
        pipe.read(1)
        pipe.close(pipe.reader)
        in_time(lambda: writer.write("more"))


def test_lines_of_several_threads_do_not_break_into_each_other(pipe: Pipe) -> None:
    def write(word: str) -> None:
        for _ in range(200):
            writer.write(f"{word} {word}\n")

    with writing_to(pipe) as writer:
        threads = [threading.Thread(target=write, args=[word]) for word in "abcdefgh"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        writer.write("end\n")
        *lines, end = pipe.read_until("end\n").splitlines()
    assert (sorted(lines), end) == (sorted([f"{word} {word}" for word in "abcdefgh"] * 200), "end")


def test_a_terminal_is_known_as_one(pipe: Pipe) -> None:
    ours, theirs = os.openpty()
    writer = BackgroundWriter(theirs)
    try:
        assert writer.isatty()
        with writing_to(pipe) as other:
            assert not other.isatty()
    finally:
        writer.close()
        os.close(ours)
        os.close(theirs)
