"""The standard streams of a worker process: two pipes that the front reads.

A run outlives the front. So it keeps the reading ends of its pipes open, and reads them itself when
the front is gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from codeserver.worker.process.channel import Channel
from codeserver.worker.process.originals import _thread, os, select

_READ_SIZE = 64 * 1024

_log_fd: int | None = None


def keep_log(fd: int) -> None:
    """Remember the descriptor of the server's log, for output after the end of the front."""
    global _log_fd  # noqa: PLW0603 - a fact about the process, as its standard streams are
    os.set_inheritable(fd, False)
    _log_fd = fd


def own_descriptors() -> set[int]:
    """Descriptors of output that are not the user's. Standard input may be the user's."""
    return {1, 2} if _log_fd is None else {1, 2, _log_fd}


def redirect(stdout: int, stderr: int) -> None:
    """Move these descriptors to the standard streams."""
    for fd, standard in ((stdout, 1), (stderr, 2)):
        os.dup2(fd, standard)
        os.close(fd)


class Survivor:
    """Copies the output of this process to the log when the front is gone.

    Args:
        channel: the socket to the front; no more messages are expected.
        readers: the reading ends of the standard streams.
    """

    def __init__(self, channel: Channel, readers: Sequence[int]) -> None:
        self._channel = channel
        self._readers = readers
        self._on_its_own = False
        # Not a `threading.Thread`: gevent makes it a greenlet, which would stop all others.
        _thread.start_new_thread(self._watch, ())

    def finish(self) -> None:
        """Copy the rest of the output, at the end of the process."""
        if self._on_its_own:
            for fd in self._readers:
                with contextlib.suppress(OSError):
                    while self._copy(fd):
                        pass

    def _watch(self) -> None:
        with contextlib.suppress(OSError):
            while self._channel.receive() is not None:
                pass
        self._on_its_own = True
        poll = select.poll()
        for fd in self._readers:
            poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                with contextlib.suppress(OSError):
                    self._copy(fd)

    def _copy(self, fd: int) -> bool:
        data = os.read(fd, _READ_SIZE)
        if _log_fd is not None:
            with contextlib.suppress(OSError):
                os.write(_log_fd, data)
        return bool(data)
