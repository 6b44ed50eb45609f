"""How long user code that keeps crashing is left alone. Pure: `now` is an argument."""

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

    The first three cost nothing but themselves. From then on there is a pause after each, which
    doubles up to 30 seconds, so that code that segfaults at every call does not keep the machine
    busy with starting processes for it. An answer, whatever it says, ends the row.
    """

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def add(self, subject: str, reason: str, now: float) -> None:
        """Count a crash.

        Args:
            subject: the user code that crashed.
            reason: how it ended, in words.
            now: seconds on a monotonic clock.
        """
        record = self._records.setdefault(subject, _Record())
        record.count += 1
        record.reason = reason
        record.until = now + pause(record.count - _TOLERATED)

    def clear(self, subject: str) -> None:
        """The subject has answered."""
        self._records.pop(subject, None)

    def objection(self, subject: str, now: float) -> str | None:
        """Why the subject is not tried now, None when it is."""
        record = self._records.get(subject)
        if record is None or now >= record.until:
            return None
        return (
            f"The {subject} has crashed {record.count} times in a row and is not tried for another "
            f"{record.until - now:.1f} seconds. The last time: {record.reason}"
        )
