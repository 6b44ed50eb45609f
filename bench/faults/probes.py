"""Calls at a steady rate."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from bench.answers import Answers
from bench.calls import SHORT_SECONDS, Attempt, attempt


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
        return Answers.of(future.result() for future in self._attempts)

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
