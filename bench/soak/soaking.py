"""One soak: its settings, its progress, and the parts that its threads share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from bench.soak import census
from bench.soak.calling import Client
from bench.soak.runs import Runs
from bench.soak.server import Server
from bench.soak.tally import Expected, Outcome, Tally, Unexpected, verdict


@dataclass(frozen=True)
class Settings:
    """The settings of a soak.

    Attributes:
        minutes: duration of the load; None to stop after the operations.
        operations: number of operations; None for as many as fit into the time.
        clients: number of clients.
        seed: seed of the clients' actions; their order between clients still varies.
        pause: mean pause of a client between two operations, in seconds.
        reload_every: operations between two reloads.
        kill_every: operations between two kills.
    """

    minutes: float | None = None
    operations: int | None = None
    clients: int = 32
    seed: int = 1
    pause: float = 0.4
    reload_every: int = 120
    kill_every: int = 600

    @property
    def seconds(self) -> float | None:
        """Duration of the load in seconds, if it has one."""
        return self.minutes * 60 if self.minutes else None


class Progress:
    """Hands out operations until none are left.

    Attributes:
        stop: set when no more operations must begin.
        abort: set when even the operations under way must end.
        began: the start of the soak, on the monotonic clock.
        taken: number of operations handed out.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.operations or settings.seconds
        self._operations = settings.operations
        self._seconds = settings.seconds
        self._changed = threading.Condition(threading.RLock())
        self.taken = 0
        self.stop = threading.Event()
        self.abort = threading.Event()
        self.began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def fraction(self) -> float:
        """The completed fraction, from 0 to 1."""
        if self._operations:
            return self.taken / self._operations
        assert self._seconds
        return min(1.0, self.elapsed / self._seconds)

    def take(self) -> bool:
        """Take one operation; returns whether there was one."""
        with self._changed:
            if self.fraction >= 1.0:
                self.end()
            if self.stop.is_set():
                return False
            self.taken += 1
            self._changed.notify_all()
            return True

    def end(self) -> None:
        """Hand out no more operations."""
        with self._changed:
            self.stop.set()
            self._changed.notify_all()

    def every(self, count: int) -> Iterator[None]:
        """Yields each time that `count` more operations were handed out, until the soak ends."""
        target = count
        while True:
            with self._changed:
                while self.taken < target and not self.stop.is_set():
                    self._changed.wait()
            if self.stop.is_set():
                return
            yield
            target = max(target, self.taken) + count


@dataclass(frozen=True)
class Soak:
    """The parts of a soak that its threads share."""

    settings: Settings
    server: Server
    runs: Runs
    progress: Progress
    tally: Tally

    def client(self, name: str) -> Client:
        """A client with its own connection and its own sequence of random numbers."""
        return Client(
            self.server.socket,
            self.server.client.requests,
            Random(f"{self.settings.seed} {name}"),
            self.progress.abort,
        )

    def sample(self, name: str = "") -> census.Sample:
        """Take a sample of the server's processes, under a name for the report if given."""
        sample = census.take(self.server.process.pid, self.progress.elapsed)
        self.tally.samples.append(sample)
        if name:
            self.tally.marks[name] = sample
        return sample

    def judge(
        self,
        name: str,
        outcome: Outcome,
        expected: Sequence[Expected],
        begin: float,
        end: float = 0.0,
        *,
        needs_process: bool = True,
        may_wait: bool = False,
    ) -> bool:
        """Count the outcome of an operation; returns whether it is one of the expected ones.

        Args:
            name: name of the operation.
            outcome: its outcome.
            expected: the acceptable outcomes.
            begin: the time of its start, on the monotonic clock.
            end: the time of its end; 0 for now.
            needs_process: it may be cut short by a kill.
            may_wait: it may be refused by a server with too much load.
        """
        tally, end = self.tally, end or time.monotonic()
        disrupted = needs_process and tally.was_disrupted(begin, end)
        found = verdict(outcome, expected, may_wait=may_wait, after_a_kill=disrupted)
        if not found and self.progress.abort.is_set():
            return False
        with tally.lock:
            tally.counts[name][found or "UNEXPECTED"] += 1
            tally.longest[name] = max(tally.longest[name], end - begin)
            if not found:
                at = begin - self.progress.began
                unexpected = Unexpected(at, name, outcome.kind, outcome.text, end - begin)
                tally.unexpected.append(unexpected)
        return found in [each.name or each.kind for each in expected]
