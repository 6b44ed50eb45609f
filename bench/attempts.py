"""Timed calls: single ones, at a fixed rate, or in a loop."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from bench.client import SHORT_SECONDS, failure, said
from bench.processes import threads

Call = Callable[[], str]


@dataclass(frozen=True)
class Attempt:
    """One call.

    Attributes:
        seconds: the duration of the call.
        answer: the reply; None if there was none.
        error: the error in words; None if there was a reply.
    """

    seconds: float
    answer: str | None = None
    error: str | None = None

    def __str__(self) -> str:
        return self.answer or "" if self.error is None else self.error


def attempt(call: Callable[[], str | None]) -> Attempt:
    """Make a call; an exception becomes the error of the attempt."""
    began = time.monotonic()
    try:
        answer = call()
    except Exception as error:
        return Attempt(time.monotonic() - began, error=failure(error))
    return Attempt(time.monotonic() - began, answer)


def asked(call: Call) -> Attempt:
    """Make a call like `attempt`; an error in the reply counts as an error, too."""
    return attempt(lambda: said(call))


def timed(call: Callable[[], object]) -> float:
    """Make a call, and return its duration in seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile of the values for a share from 0 to 1; of few values, the largest."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True)
class Answers:
    """The outcome of several calls.

    Attributes:
        asked: the number of calls.
        seconds: the durations of the calls that were answered without an error.
    """

    asked: int
    seconds: Sequence[float]

    @classmethod
    def of(cls, attempts: Iterable[Attempt]) -> Answers:
        """The outcome of these calls."""
        made = list(attempts)
        return cls(len(made), [each.seconds for each in made if each.error is None])

    def __add__(self, other: Answers) -> Answers:
        return Answers(self.asked + other.asked, [*self.seconds, *other.seconds])

    def __str__(self) -> str:
        if not self.seconds:
            return f"unreachable: 0 of {self.asked} answered"
        return f"answered {len(self.seconds)} of {self.asked}, p99 {self.p99 * 1000:.0f} ms"

    @property
    def p99(self) -> float:
        """The 99th percentile of the durations in seconds; at least one call must have a reply."""
        return quantile(self.seconds, 0.99)

    @property
    def percent(self) -> float:
        """The percentage of the calls that were answered."""
        return 100 * len(self.seconds) / self.asked


class Probe:
    """Makes a call at a fixed rate, however long each call takes.

    A server that stops answering thus gets as many calls as a fast one, and slow replies are not
    under-represented.

    Args:
        call: the call, made in many threads.
        per_second: the rate.
    """

    def __init__(self, call: Call, per_second: float) -> None:
        self._call = call
        self._pause = 1 / per_second
        self._attempts: list[Future[Attempt]] = []
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(int(per_second * (SHORT_SECONDS + 1)) + 2)
        self._pacer = threading.Thread(target=self._run, name="probe")

    def start(self) -> None:
        """Begin the calls."""
        self._pacer.start()

    def stop(self) -> None:
        """Make no more calls; those under way go on."""
        self._stop.set()
        self._pacer.join()

    def wait(self) -> None:
        """Wait for the calls that are under way, each of which has a deadline."""
        self._threads.shutdown()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._attempts.append(self._threads.submit(asked, self._call))
            due += self._pause

    @property
    def answers(self) -> Answers:
        """The outcome of the calls; to be read after `wait`."""
        return Answers.of(future.result() for future in self._attempts)

    @property
    def said(self) -> Counter[str]:
        """The number of each distinct reply or error; to be read after `wait`."""
        return Counter(str(future.result()) for future in self._attempts)


@contextmanager
def running(*probes: Probe) -> Iterator[None]:
    """Run the probes during the block; at its end, wait for the calls under way."""
    for probe in probes:
        probe.start()
    try:
        yield
    finally:
        for probe in probes:
            probe.stop()
        for probe in probes:
            probe.wait()


@contextmanager
def repeating(clients: Sequence[Sequence[Call]], pause: float) -> Iterator[list[Attempt]]:
    """Let each client cycle through its calls during the block; the list is complete after it.

    Args:
        clients: the calls of each client.
        pause: seconds between two calls of a client.
    """
    made: list[Attempt] = []
    stop = threading.Event()

    def go_on(calls: Sequence[Call]) -> None:
        for call in itertools.cycle(calls):
            made.append(asked(call))
            if stop.wait(pause):
                return

    with threads(len(clients)) as pool:
        futures = [pool.submit(go_on, calls) for calls in clients]
        try:
            yield made
        finally:
            stop.set()
    for future in futures:
        future.result()
