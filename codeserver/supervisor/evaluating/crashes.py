"""Pauses for user code that keeps crashing. Pure: `now` is an argument."""

from __future__ import annotations

from dataclasses import dataclass

from codeserver.supervisor.backoff import pause

_TOLERATED = 2


@dataclass
class _Record:
    count: int = 0
    reason: str = ""
    until: float = 0.0


class Crashes:
    """Counts crashes in a row by subject.

    The first two crashes have no consequence. After each further one there is a pause, which
    doubles up to 30 seconds, so that code that segfaults at every call does not keep the machine
    busy with new processes. Any answer ends the row, even an error.
    """

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def add(self, subject: str, reason: str, now: float) -> None:
        """Count a crash.

        Args:
            subject: the user code that crashed.
            reason: the end of its process, in words.
            now: the time in seconds on a monotonic clock.
        """
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
