"""A server process that ends with this one: start it, follow it, keep its last words, stop it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_KEPT_BYTES = 64 * 1024
_SHOWN_LINES = 20
_HURRY_SECONDS = 5.0
_MOST_READS = 32
"""In a row. A pipe holds less (pipe(7)), but who has it may write without end."""

_living: weakref.WeakSet[OwnedServer] = weakref.WeakSet()


class OwnedServer:
    """A running `codeserver grpc`.

    Args:
        options: of the command.
        folder: an empty one that it removes when this process is gone; empty for none.
        env: all its environment variables.
        cwd: the directory that it runs in; None for that of this process.
        log: where everything that it writes is appended, if anywhere.

    Raises:
        OSError: it cannot be started, or the log cannot be written.
    """

    def __init__(
        self,
        options: Sequence[str],
        *,
        folder: str,
        env: Mapping[str, str],
        cwd: Path | None,
        log: Path | None,
    ) -> None:
        self._owner = os.getpid()
        self._stopping = threading.Lock()
        with contextlib.ExitStack() as undo:
            file = undo.enter_context(log.open("ab", buffering=0)) if log else None
            self._lifeline, theirs = socket.socketpair()
            undo.callback(self._lifeline.close)
            self._lifeline.sendall(os.fsencode(folder))
            with theirs:
                number = str(theirs.fileno())
                self.process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "codeserver", "grpc"),
                        *("--ready-fd", number, "--lifeline-fd", number),
                        # The error of a file that is not there is that of its load.
                        *("--lazy-load-user-code", *options),
                    ],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    # A Ctrl-C in the terminal is for this process, which then stops the other.
                    start_new_session=True,
                    env=env,
                    cwd=cwd,
                )
            undo.pop_all()
        assert self.process.stdout
        self._output = _Output(self.process.stdout, file)
        _living.add(self)

    def wait_until_listening(self, deadline: float) -> str:
        """The first address that it listens at; empty when it has ended instead.

        Args:
            deadline: on the monotonic clock.

        Raises:
            TimeoutError: it does neither in time.
        """
        told = b""
        while b"\n" not in told:
            self._lifeline.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                part = self._lifeline.recv(65536)
            except ConnectionError:
                part = b""
            if not part:
                return ""
            told += part
        return os.fsdecode(told.partition(b"\n")[0])

    def wait_for_end(self, seconds: float) -> int | None:
        """Its exit code; None when it has not ended in time."""
        deadline = time.monotonic() + seconds
        # The system closes the other end when it has ended, so nothing needs to be polled.
        try:
            while True:
                self._lifeline.settimeout(max(deadline - time.monotonic(), 0.001))
                if not self._lifeline.recv(65536):
                    break
        except TimeoutError:
            return self.process.poll()
        except OSError:
            pass
        return self.process.wait()

    @property
    def is_ours(self) -> bool:
        """Whether this is the process that has started it, and not a fork of that one."""
        return os.getpid() == self._owner

    def kill(self) -> None:
        """End it at once."""
        if self.is_ours and self.process.poll() is None:
            self.process.kill()

    def stop(self, grace: float) -> None:
        """End it: ask, ask to hurry after the grace, and kill it a few seconds later."""
        if not self.is_ours:
            return
        with self._stopping:
            try:
                for seconds in (grace, _HURRY_SECONDS):
                    if self.process.poll() is None:
                        self.process.terminate()
                        self.wait_for_end(seconds)
            finally:
                self.kill()
                self.process.wait()
                self._lifeline.close()
                self._output.finish()

    def let_go(self) -> None:
        """Close what keeps it alive, in a process that was forked from its owner."""
        self._lifeline.close()

    @property
    def output(self) -> str:
        """The last 64 KiB of what it has written."""
        return self._output.text

    def last_words(self) -> str:
        """The last lines that it has written; for one that has ended."""
        self._output.finish()
        return "\n".join(self.output.rstrip().splitlines()[-_SHOWN_LINES:])


class _Output:
    """Reads what the process writes, so that its pipe is never full.

    Args:
        stream: the pipe.
        copy: where to write it as well.
    """

    def __init__(self, stream: IO[bytes], copy: IO[bytes] | None) -> None:
        self._stream, self._copy = stream, copy
        self._kept = b""
        self._has_ended = False
        self._reading = threading.Lock()
        os.set_blocking(stream.fileno(), False)
        threading.Thread(target=self._follow, name="output of codeserver", daemon=True).start()

    @property
    def text(self) -> str:
        """The last of it."""
        return self._kept.decode(errors="replace")

    def finish(self) -> None:
        """Read all that a process has written which has ended.

        The end of the pipe may be far: runs that go on have it, too.
        """
        self._read()

    def _follow(self) -> None:
        with self._stream, self._copy or contextlib.nullcontext():
            news = select.poll()
            news.register(self._stream.fileno(), select.POLLIN)
            while not self._has_ended:
                news.poll()
                self._read()

    def _read(self) -> None:
        """Read what is there, or a lot of it."""
        with self._reading:
            for _ in range(_MOST_READS):
                if self._has_ended:
                    return
                try:
                    part = os.read(self._stream.fileno(), 65536)
                except BlockingIOError:
                    return
                if part:
                    self._keep(part)
                else:
                    self._has_ended = True

    def _keep(self, part: bytes) -> None:
        self._kept = (self._kept + part)[-_KEPT_BYTES:]
        if self._copy is not None:
            with contextlib.suppress(OSError):
                self._copy.write(part)


def _let_go_of_all() -> None:
    for server in list(_living):
        server.let_go()


os.register_at_fork(after_in_child=_let_go_of_all)
