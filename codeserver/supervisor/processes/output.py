"""The output of worker processes, read at once and logged line by line with its origin.

A process must never wait for a reader of its output, and endless output must not fill the log or
keep the event loop busy. So everything is read, a generous amount a second is logged, and the rest
is counted.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import time
from collections import deque
from dataclasses import dataclass

from codeserver.errors import redacts_user_code
from codeserver.marks import OWN_FOLDER

_log = logging.getLogger("codeserver.output")

_READ_SIZE = 16 * 1024
_PIPE_SIZE = 64 * 1024
"""Bytes that a pipe holds (pipe(7)), and so the most bytes of unread output."""
_BYTES_PER_LINE = 256
_LONGEST_LINE = 64 * 1024
"""Bytes; a longer line is logged in pieces."""
_LINES_AT_A_TIME = 100
_REMEMBERED = 64 * 1024
_REPORT_PAUSE = 5.0
"""Seconds between two reports of dropped output."""
_LONGEST_SHOWN_LINE = 400
_SHOWN_LINES = 15
_FATAL = "Fatal Python error"
_NOT_USERS = (
    f'  File "{OWN_FOLDER}{os.sep}',
    '  File "<string>", line 1 in <module>',
    "Extension modules: ",
    "tail: inotify cannot be used",
)
"""Lines that do not help the author of the code: parts of Python's report of a crash, and lines of
the program with which Dagster copies the output of a run."""
_LOGGED = re.compile(r"\S*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d.* - \S*dagster\S* - ")


@dataclass
class Budget:
    """The limit of logged output: an amount at once, and some more each second.

    A line costs one unit, and each 256 bytes cost another.

    Attributes:
        per_second: the units that are added each second.
        most: the most units that can be saved.
        left: the units that are left; negative if the last piece of output cost more.
        at: the time at which `left` was computed, in seconds on a monotonic clock.
    """

    per_second: float = 1000.0
    most: float = 10_000.0
    left: float = 10_000.0
    at: float = 0.0

    def allows(self, cost: float, now: float) -> bool:
        """Whether output of this cost may be logged; if so, take the cost from the budget."""
        self.left = min(self.most, self.left + (now - self.at) * self.per_second)
        self.at = now
        if self.left <= 0:
            return False
        self.left -= cost
        return True


class Stream:
    """One of the two streams of a process.

    Args:
        fd: the end to read from, which it owns.
    """

    def __init__(self, name: str, fd: int, output: Output) -> None:
        self.name = name
        self._fd: int | None = fd
        self._output = output
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._dropping_since = 0.0
        self._reported_at = -math.inf
        self._last = b""
        os.set_blocking(fd, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._readable)

    @property
    def is_open(self) -> bool:
        """Whether there may be more output."""
        return self._fd is not None

    def drain(self) -> None:
        """Read and log the output so far."""
        for _ in range(_PIPE_SIZE // _READ_SIZE + 1):  # bounded, as the output may be endless
            if not self._read():
                break
        self._log_all()

    def forget(self) -> None:
        """Forget the output so far, so that `last_lines` begins here."""
        self._last = b""

    def last_lines(self) -> list[str]:
        """The last lines of the output, even if they were not logged."""
        lines = self._last.decode(errors="replace").splitlines()
        return [line[:_LONGEST_SHOWN_LINE] for line in lines]

    def finish(self) -> None:
        """Like `drain`, and log an unfinished line, too."""
        self.drain()
        self._log_rest()

    def close(self) -> None:
        """Log the output so far, and read no more."""
        if self._fd is not None:
            self.finish()
        self._close_fd()

    def _readable(self) -> None:
        if self._lines:
            return  # the writer waits until these are logged
        self._read()
        self._log_some()

    def _read(self) -> bool:
        """Read once; return whether there may be more to read now."""
        if self._fd is None:
            return False
        try:
            data = os.read(self._fd, _READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data = b""
        if not data:
            self._close_fd()
            self._log_all()
            self._log_rest()
            return False
        self._last = (self._last + data)[-_REMEMBERED:]
        self._take(data)
        return True

    def _close_fd(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _take(self, data: bytes) -> None:
        count = data.count(b"\n")
        cost = count + len(data) / _BYTES_PER_LINE
        now = time.monotonic()
        if not self._output.budget.allows(cost, now):
            if not self._dropped:
                self._dropping_since = now
            self._dropped += len(data)
            if now - max(self._dropping_since, self._reported_at) > _REPORT_PAUSE:
                self._report_dropped()
            self._rest = data[data.rfind(b"\n") + 1 :] if count else self._rest[:_LONGEST_LINE]
            return
        if now - self._reported_at > _REPORT_PAUSE:
            self._report_dropped()
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._lines.extend(lines)
        if len(self._rest) > _LONGEST_LINE:
            self._lines.append(self._rest)
            self._rest = b""

    def _log_some(self) -> None:
        for _ in range(min(_LINES_AT_A_TIME, len(self._lines))):
            self._log_line(self._lines.popleft())
        if self._lines:
            self._loop.call_soon(self._log_some)

    def _log_all(self) -> None:
        while self._lines:
            self._log_line(self._lines.popleft())
        self._report_dropped()

    def _log_rest(self) -> None:
        if self._rest:
            self._log_line(self._rest)
            self._rest = b""

    def _log_line(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        _log.info("%s", text, extra=self._origin)

    @property
    def _origin(self) -> dict[str, object]:
        output = self._output
        return {"origin": output.origin, "pid": output.pid, "stream": self.name}

    def _report_dropped(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._reported_at = time.monotonic()
            budget = self._output.budget
            _log.warning(
                "%d bytes of output were dropped: more than %d lines at once and %d a second",
                *(dropped, budget.most, budget.per_second),
                extra=self._origin,
            )


class Output:
    """The output of one process, read from two descriptors that this owns.

    Attributes:
        pid: the process id, once it is known.
    """

    def __init__(self, origin: str, stdout: int, stderr: int) -> None:
        self.origin = origin
        self.pid = 0
        self.budget = Budget(at=time.monotonic())
        self._stderr = Stream("stderr", stderr, self)
        self._streams = (Stream("stdout", stdout, self), self._stderr)

    @property
    def is_open(self) -> bool:
        """Whether there may be more output, from the process or its descendants."""
        return any(stream.is_open for stream in self._streams)

    def begin(self, origin: str) -> None:
        """Log further output with this origin."""
        self.drain()
        self.origin = origin
        self._stderr.forget()

    def drain(self) -> None:
        """Log the output so far."""
        for stream in self._streams:
            stream.drain()

    def last_words(self, *, with_log: bool = True) -> str:
        """The last lines on standard error, or Python's own report of a crash.

        They become part of errors for clients. There are none if those must not tell what user code
        says (`DAGSTER_REDACT_USER_CODE_ERRORS`); the log has them.

        Args:
            with_log: whether lines of Dagster's log count, too.
        """
        for stream in self._streams:
            stream.finish()
        if redacts_user_code():
            return ""
        lines = [line for line in self._stderr.last_lines() if not line.startswith(_NOT_USERS)]
        if not with_log:
            lines = [line for line in lines if not _LOGGED.match(line)]
        for number, line in enumerate(lines):
            if line.startswith(_FATAL):
                return "\n".join(lines[number:][:_SHOWN_LINES])
        return "\n".join(lines[-_SHOWN_LINES:])

    def close(self) -> None:
        """Log the output so far, and read no more."""
        for stream in self._streams:
            stream.close()


class Outputs:
    """The outputs of all processes of a server."""

    def __init__(self) -> None:
        self._open: set[Output] = set()

    def open(self, origin: str, stdout: int, stderr: int) -> Output:
        """Read the output of a process from these two descriptors."""
        self._open = {output for output in self._open if output.is_open}
        output = Output(origin, stdout, stderr)
        self._open.add(output)
        return output

    def close(self) -> None:
        """Close all outputs, even those that a descendant of the process still holds open."""
        for output in self._open:
            output.close()
        self._open.clear()
