"""A server process that ends with this process: start it, keep its last output, stop it."""

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
"""Reads in a row. A pipe holds less (pipe(7)), but its writers may write without end."""

_living: weakref.WeakSet[OwnedServer] = weakref.WeakSet()


class OwnedServer:
    """A running `codeserver grpc`, which removes an empty folder if this process dies.

    Its output is appended to the log, if there is one.

    Raises:
        OSError: the server cannot be started, or the log cannot be written.
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
                        # A missing file is an error of the load, and not of the command line.
                        *("--lazy-load-user-code", *options),
                    ],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C in the terminal reaches only this process, which stops the server.
                    start_new_session=True,
                    env=env,
                    cwd=cwd,
                )
            undo.pop_all()
        assert self.process.stdout
        self._output = _Output(self.process.stdout, file)
        _living.add(self)

    def wait_until_listening(self, deadline: float) -> str:
        """Wait for its first address; empty if the server has ended.

        Raises:
            TimeoutError: neither happens before the deadline.
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
        """Wait for its end and return the exit code; None if it does not end in time."""
        deadline = time.monotonic() + seconds
        # The end of the process closes the other end of the lifeline, so there is no polling.
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
        """Whether this process has started it, and is not a fork of that process."""
        return os.getpid() == self._owner

    def kill(self) -> None:
        """Kill the server."""
        if self.is_ours and self.process.poll() is None:
            self.process.kill()

    def stop(self, grace: float) -> None:
        """End the server: SIGTERM, a second one after the grace, and SIGKILL seconds later."""
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
                self._output.read()

    @property
    def output(self) -> str:
        """The last 64 KiB of its output."""
        return self._output.text

    def last_words(self) -> str:
        """The last lines of its output, for a server that has ended."""
        self._output.read()
        return "\n".join(self.output.rstrip().splitlines()[-_SHOWN_LINES:])


class _Output:
    """Reads and copies the output of the process, so that its pipe is never full."""

    def __init__(self, stream: IO[bytes], copy: IO[bytes] | None) -> None:
        self._stream, self._copy = stream, copy
        self._kept = b""
        self._has_ended = False
        self._reading = threading.Lock()
        os.set_blocking(stream.fileno(), False)
        threading.Thread(target=self._follow, name="output of codeserver", daemon=True).start()

    @property
    def text(self) -> str:
        """The end of the output."""
        return self._kept.decode(errors="replace")

    def _follow(self) -> None:
        with self._stream, self._copy or contextlib.nullcontext():
            news = select.poll()
            news.register(self._stream.fileno(), select.POLLIN)
            while not self._has_ended:
                news.poll()
                self.read()

    def read(self) -> None:
        """Read the present output, which is the rest for a process that has ended.

        The pipe may stay open, because runs that outlive the server have it, too.
        """
        with self._reading:
            for _ in range(_MOST_READS):
                if self._has_ended:
                    return
                try:
                    part = os.read(self._stream.fileno(), 65536)
                except BlockingIOError:
                    return
                if not part:
                    self._has_ended = True
                    return
                self._kept = (self._kept + part)[-_KEPT_BYTES:]
                if self._copy is not None:
                    with contextlib.suppress(OSError):
                        self._copy.write(part)


def _let_go_of_all() -> None:
    """Close the lifelines in a fork of the owner, which would keep the servers alive by them."""
    for server in list(_living):
        server._lifeline.close()


os.register_at_fork(after_in_child=_let_go_of_all)
