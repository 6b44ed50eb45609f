"""A process that loads code tells where it is, when it is asked and at no other time."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import threading
from collections.abc import Iterator

import pytest

from codeserver.processes import STACK_SIGNAL
from codeserver.worker.loading.whereabouts import shown

pytestmark = pytest.mark.skipif(STACK_SIGNAL is None, reason="there is no such signal")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    assert STACK_SIGNAL is not None
    before = signal.getsignal(STACK_SIGNAL)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    yield reader, writer
    os.close(reader)
    signal.signal(STACK_SIGNAL, before)


def ask() -> None:
    assert STACK_SIGNAL is not None
    signal.raise_signal(STACK_SIGNAL)


def test_the_stack_is_written_when_it_is_asked_for(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    with shown([writer]):
        assert os.read(reader, 10) == b"\n", "it may be asked from now on"
        ask()
        assert f'"{__file__}", line '.encode() in os.read(reader, 1 << 16)
    ask()  # too late, which does no harm
    assert os.read(reader, 10) == b"", "nothing holds the other end any more"


def test_asking_harms_no_process_that_executes_code(pipe: tuple[int, int]) -> None:
    """As `faulthandler` does at a signal: it reads frames that are half made."""
    _, writer = pipe
    main = threading.get_ident()
    asked = threading.Event()

    def ask_often() -> None:
        assert STACK_SIGNAL is not None
        for _ in range(5_000):
            signal.pthread_kill(main, STACK_SIGNAL)
        asked.set()

    def calls(depth: int) -> int:
        return 1 if depth == 0 else calls(depth - 1) + sum(each for each in range(3))

    with shown([writer]):
        asking = threading.Thread(target=ask_often)
        asking.start()
        while not asked.is_set():
            calls(50)
        asking.join()


def test_nobody_waits_for_a_reader(pipe: tuple[int, int]) -> None:
    _, writer = pipe
    with shown([writer]):
        for _ in range(1_000):
            ask()


def test_the_descriptor_is_out_of_the_way(pipe: tuple[int, int]) -> None:
    _, writer = pipe
    with shown([writer]):
        again = os.open(os.devnull, os.O_RDONLY)
        assert again <= writer, "its number is free"
        os.close(again)


def test_few_descriptors_are_enough(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with shown([writer]):
            assert fcntl.fcntl(writer, fcntl.F_GETFD) >= 0, "it has its number"
            assert os.read(reader, 10) == b"\n"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_who_is_not_to_be_asked_handles_nothing(pipe: tuple[int, int]) -> None:
    assert STACK_SIGNAL is not None
    _, writer = pipe
    with shown([]):
        assert signal.getsignal(STACK_SIGNAL) is not signal.SIG_IGN
    os.close(writer)
