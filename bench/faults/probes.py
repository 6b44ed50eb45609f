"""Calls at a steady rate, and how many of them were answered how fast."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from bench.faults.calls import SHORT_SECONDS, Attempt, attempt


@dataclass(frozen=True)
class Answers:
    """How many of a number of calls were answered, and how fast.

    Attributes:
        asked: the number of calls.
        answered: how many were answered within their deadline of two seconds.
        p50: median of the answered ones, in milliseconds; None when there is none.
        p99: likewise, the 99th percentile.
        most: likewise, the largest.
    """

    asked: int
    answered: int
    p50: float | None
    p99: float | None
    most: float | None

    def __str__(self) -> str:
        count = f"answered {self.answered} of {self.asked}"
        if self.p50 is None or self.p99 is None or self.most is None:
            return count
        return f"{count}, p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms, max {self.most:.0f} ms"

    @property
    def short(self) -> str:
        """For a small cell."""
        if self.answered == 0:
            return f"unreachable: 0 of {self.asked} answered"
        return f"answered {self.answered} of {self.asked}, p99 {self.p99:.0f} ms"


class Probe:
    """Makes a call so many times a second, however long each takes.

    So a server that stops answering is not asked less often, and its slow answers are not fewer
    than its fast ones.

    Args:
        call: what to do, in many threads.
        per_second: how often.
    """

    def __init__(self, call: Callable[[], str], per_second: float) -> None:
        self._call = call
        self._pause = 1 / per_second
        self._attempts: list[Future[Attempt]] = []
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(int(per_second * (SHORT_SECONDS + 1)) + 2)
        self._pacer = threading.Thread(target=self._run, name="probe")

    def start(self) -> None:
        """Begin to call."""
        self._pacer.start()

    def slow_down(self) -> None:
        """From now on call once a second, as the webserver and the daemon do."""
        self._pause = 1.0

    def stop(self) -> None:
        """Call no more; calls that are under way go on."""
        self._stop.set()
        self._pacer.join()

    def wait(self) -> None:
        """Wait for the calls that are under way, each of which has a deadline."""
        self._threads.shutdown()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._attempts.append(self._threads.submit(attempt, self._call))
            due += self._pause

    @property
    def answers(self) -> Answers:
        """How the calls went; after `wait`."""
        attempts = [future.result() for future in self._attempts]
        times = sorted(each.seconds * 1000 for each in attempts if each.error is None)
        return Answers(
            len(attempts),
            len(times),
            _percentile(times, 0.5),
            _percentile(times, 0.99),
            times[-1] if times else None,
        )

    @property
    def said(self) -> Counter[str]:
        """What was said, answers and errors, and how often; after `wait`."""
        return Counter(str(future.result()) for future in self._attempts)


@contextmanager
def running(*probes: Probe) -> Iterator[None]:
    """Make these calls meanwhile; at the end, wait for those that are under way."""
    for probe in probes:
        probe.start()
    try:
        yield
    finally:
        for probe in probes:
            probe.stop()
        for probe in probes:
            probe.wait()


def _percentile(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
