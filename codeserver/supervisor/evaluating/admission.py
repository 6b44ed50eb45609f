"""Whether and when a request may have an evaluator: a fair queue, and pauses after crashes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from codeserver.errors import Overloaded, RequestTimeout
from codeserver.supervisor.backoff import pause
from codeserver.supervisor.evaluating.request import Deadline

_log = logging.getLogger("codeserver")

_WARNING_PAUSE = 10.0
"""Seconds between two warnings that the queue is full."""
_LONG_WAIT = 1.0
"""Seconds. The log mentions requests that have waited longer for an evaluator."""

_MOST_BYTES = 400 * 1000 * 1000
"""The most bytes of long arguments in memory: four of the longest that gRPC takes by default."""
_SHORT = 64 * 1024
"""Bytes. Requests with shorter arguments are limited only by their number."""

_TOLERATED = 2
"""Crashes of one subject in a row that have no consequence."""

ENDING = ""
"""The subject of slots whose evaluators are being ended."""


@dataclass
class QueueCounts:
    """Counts of requests in the queue since the start of the server.

    Attributes:
        waited: requests that had to wait and then got an evaluator.
        waited_seconds: the sum of their waiting times.
        refused: requests that found the queue full, or too many bytes held.
        timed_out: requests whose deadline passed while they waited.
        ended: requests whose evaluator was ended, at their deadline or because their caller went
            away.
        crashed: requests whose evaluator crashed.
    """

    waited: int = 0
    waited_seconds: float = 0.0
    refused: int = 0
    timed_out: int = 0
    ended: int = 0
    crashed: int = 0


class Slots:
    """Limits the requests that run at a time, and those that wait.

    One subject (a sensor, a schedule, a job) gets at most half of the slots and half of the queue,
    so a sensor that hangs at every tick leaves room for the others. A free slot goes to the subject
    that has the fewest, and to the oldest request of that subject.

    Args:
        total: the number of slots.
        queue: the number of places in the queue.
        whole: the slots of all locations together. Each request takes one of those, too.
        owner: the subject of this location among them.
    """

    def __init__(self, total: int, queue: int, whole: Slots | None = None, owner: str = "") -> None:
        self._whole = whole
        self._owner = owner
        self.total = total
        self.queue = queue
        self.share = max(1, total // 2)
        self.queue_share = max(1, queue // 2)
        self.counts = QueueCounts()
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._held: Counter[str] = Counter()
        self._warned_at = -math.inf

    @property
    def running(self) -> int:
        """The number of slots in use."""
        return sum(self._running.values())

    @property
    def waiting(self) -> int:
        """The number of waiting requests."""
        return sum(map(len, self._waiting.values()))

    @property
    def subjects(self) -> dict[str, tuple[int, int]]:
        """The numbers of running and of waiting requests, by subject."""
        return {
            subject: (self._running[subject], len(self._waiting.get(subject, ())))
            for subject in sorted({*self._running, *self._waiting} - {ENDING})
        }

    async def take(self, subject: str, deadline: Deadline) -> None:
        """Take a slot, which the caller gives back.

        Raises:
            RequestTimeout: no slot became free in time.
            Overloaded: too many requests wait already.
        """
        await self._take_own(subject, deadline)
        if self._whole is not None:
            try:
                await self._whole.take(self._owner, deadline)
            except BaseException:
                self._free(subject)
                raise

    async def _take_own(self, subject: str, deadline: Deadline) -> None:
        if self.running < self.total and self._running[subject] < self.share:
            self._running[subject] += 1
            return
        self._refuse_if_full(subject)
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(subject, deque()).append(granted)
        began = time.monotonic()
        try:
            done, _ = await asyncio.wait([granted], timeout=deadline.left)
        except BaseException:
            self._withdraw(subject, granted)
            raise
        if not done:
            described = self._describe(subject)
            self._withdraw(subject, granted)
            self.counts.timed_out += 1
            raise RequestTimeout(
                f"The {subject} waited {deadline} for a free evaluator ({described}). "
                "Look for user code that hangs, or raise --max-workers."
            )
        self._count_wait(subject, time.monotonic() - began)

    @contextlib.contextmanager
    def holding(self, subject: str, size: int) -> Iterator[None]:
        """Count the bytes of an argument during the `with` statement.

        One long argument always has room, and so have short ones.

        Raises:
            Overloaded: all arguments would exceed the limit, or those of the subject half of it.
        """
        if size <= _SHORT:
            yield
            return
        with contextlib.ExitStack() as stack:
            if self._whole is not None:
                stack.enter_context(self._whole.holding(self._owner, size))
            with self._holding(subject, size):
                yield

    @contextlib.contextmanager
    def _holding(self, subject: str, size: int) -> Iterator[None]:
        own, held = self._held[subject], self._held.total()
        if (own and own + size > _MOST_BYTES // 2) or (held and held + size > _MOST_BYTES):
            self._refuse(
                f"The {subject} has an argument of {size / 1e6:.0f} MB, and requests with "
                f"{held / 1e6:.0f} MB are under way, {own / 1e6:.0f} MB of them for it. All may "
                f"have {_MOST_BYTES / 1e6:.0f} MB, and one sensor, schedule or job half of that. "
                "Try again later, or keep less in the cursor."
            )
        self._held[subject] += size
        try:
            yield
        finally:
            self._held[subject] -= size
            self._held += Counter()  # drops subjects that hold nothing

    def count_as_ending(self, subject: str) -> None:
        """Move a slot from this subject to `ENDING`, while its evaluator is being ended.

        The evaluator still takes room on the machine, but must not delay the subject's next
        request.
        """
        self._running[ENDING] += 1
        self._free(subject)

    def give_back(self, subject: str) -> None:
        """Free a slot that was taken for this subject."""
        self._free(subject)
        if self._whole is not None:
            self._whole.give_back(self._owner)

    def _free(self, subject: str) -> None:
        self._running[subject] -= 1
        if not self._running[subject]:
            del self._running[subject]
        self._grant()

    def _grant(self) -> None:
        while self.running < self.total:
            open_to = [each for each in self._waiting if self._running[each] < self.share]
            if not open_to:
                return
            # `min` takes the first of equals: the subject that has been waiting longest.
            subject = min(open_to, key=lambda each: self._running[each])
            waiting = self._waiting.pop(subject)
            granted = waiting.popleft()
            if waiting:
                self._waiting[subject] = waiting  # behind the others
            self._running[subject] += 1
            granted.set_result(None)

    def _withdraw(self, subject: str, granted: asyncio.Future[None]) -> None:
        """Leave the queue; give back a slot that was granted at the same moment."""
        if granted.done():
            self._free(subject)
            return
        waiting = self._waiting[subject]
        waiting.remove(granted)
        if not waiting:
            del self._waiting[subject]

    def _refuse_if_full(self, subject: str) -> None:
        waiting = self.waiting
        own = len(self._waiting.get(subject, ()))
        if waiting < self.queue and own < self.queue_share:
            return
        self._refuse(
            f"The {subject} cannot wait for an evaluator: the queue is full "
            f"({self._describe(subject)}; --max-queue {self.queue}, {self.queue_share} for one "
            "sensor, schedule or job). Try again later."
        )

    def _refuse(self, message: str) -> NoReturn:
        self.counts.refused += 1
        now = time.monotonic()
        if now - self._warned_at > _WARNING_PAUSE:
            # Ten thousand refused requests must not fill the log.
            self._warned_at = now
            _log.warning("%s (%d requests were refused so far.)", message, self.counts.refused)
        raise Overloaded(message)

    def _describe(self, subject: str) -> str:
        return (
            f"{self.running} of {self.total} busy, {self._running[subject]} of them with it; "
            f"{self.waiting} waiting, {len(self._waiting.get(subject, ()))} of them for it"
        )

    def _count_wait(self, subject: str, seconds: float) -> None:
        self.counts.waited += 1
        self.counts.waited_seconds += seconds
        if seconds >= _LONG_WAIT:
            _log.info(
                "the %s waited %.1f s for a free evaluator; %d of %d are busy, %d requests wait",
                *(subject, seconds, self.running, self.total, self.waiting),
            )


@dataclass
class _Record:
    count: int = 0
    reason: str = ""
    until: float = 0.0


class Crashes:
    """Counts crashes in a row by subject. Pure: `now` is an argument.

    The first two crashes have no consequence. After each further one there is a pause, which
    doubles up to 30 seconds, so that code that segfaults at every call does not keep the machine
    busy with new processes. Any answer ends the row, even an error.
    """

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def add(self, subject: str, reason: str, now: float) -> None:
        """Count a crash; the reason is the end of the process, in words."""
        record = self._records.setdefault(subject, _Record())
        record.count += 1
        record.reason = reason
        record.until = now + pause(record.count - _TOLERATED)

    def clear(self, subject: str) -> None:
        """Forget the crashes of a subject, which has answered."""
        self._records.pop(subject, None)

    def objection(self, subject: str, now: float) -> str | None:
        """The reason to refuse the subject now; None to try it."""
        record = self._records.get(subject)
        if record is None or now >= record.until:
            return None
        return (
            f"The {subject} has crashed {record.count} times in a row and is not tried for another "
            f"{record.until - now:.1f} seconds. The last time: {record.reason}"
        )
