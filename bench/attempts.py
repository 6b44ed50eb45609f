"""Timed calls: single ones, at a fixed rate, or in a loop."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bench.client import SHORT_SECONDS, failure, said
from bench.processes import threads

Call = Callable[[], str]


@dataclass(frozen=True)
class Attempt:
    """One call: its duration, and its reply or the error in words."""

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
    """The number of calls, and the durations of those that were answered without an error."""

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
    """Makes a call at a fixed rate, however long each call takes, in many threads.

    A server that stops answering thus gets as many calls as a fast one, and slow replies are not
    under-represented.
    """

    def __init__(self, call: Call, per_second: float) -> None:
        self._call = call
        self._pause = 1 / per_second
        self._made: list[Future[Attempt]] = []
        self._threads = int(per_second * (SHORT_SECONDS + 1)) + 2

    def run(self, stop: threading.Event) -> None:
        """Make calls until told to stop, and wait for those under way, which have deadlines."""
        with ThreadPoolExecutor(self._threads) as pool:
            due = time.monotonic()
            while not stop.wait(max(0.0, due - time.monotonic())):
                self._made.append(pool.submit(asked, self._call))
                due += self._pause

    @property
    def attempts(self) -> list[Attempt]:
        """The calls, after `running`."""
        return [future.result() for future in self._made]

    @property
    def answers(self) -> Answers:
        """The outcome of the calls, after `running`."""
        return Answers.of(self.attempts)


@contextmanager
def running(*probes: Probe) -> Iterator[None]:
    """Run the probes during the block; at its end, wait for the calls under way."""
    with _while_open([probe.run for probe in probes]):
        yield


@contextmanager
def repeating(clients: Sequence[Sequence[Call]], pause: float) -> Iterator[list[Attempt]]:
    """Let each client cycle through its calls during the block; the list is complete after it.

    A client pauses for `pause` seconds between two calls.
    """
    made: list[Attempt] = []

    def cycle(calls: Sequence[Call], stop: threading.Event) -> None:
        for call in itertools.cycle(calls):
            made.append(asked(call))
            if stop.wait(pause):
                return

    with _while_open([partial(cycle, calls) for calls in clients]):
        yield made


@contextmanager
def _while_open(works: Sequence[Callable[[threading.Event], None]]) -> Iterator[None]:
    """Do these works in threads, until the event at the end of the block stops them."""
    stop = threading.Event()
    with threads(len(works)) as pool:
        futures = [pool.submit(work, stop) for work in works]
        try:
            yield
        finally:
            stop.set()
    for future in futures:
        future.result()
