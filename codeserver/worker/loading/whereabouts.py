"""Stacks of a process that loads code, on request of the front."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import fcntl
from collections.abc import Iterator, Sequence

from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL
from codeserver.worker.process.originals import os, signal
from codeserver.worker.process.own_stack import write_stack

_HIGH = 512


@contextlib.contextmanager
def shown(fds: Sequence[int]) -> Iterator[None]:
    """Write the stack to a pipe whenever the front asks for it by `STACK_SIGNAL`.

    The signal does not interrupt system calls (`siginterrupt`), because libraries may not expect
    that. So while a call waits, only `NATIVE_STACK_SIGNAL` has an effect.

    Args:
        fds: the writing end of the pipe; empty if the front will not ask.
    """
    if not fds:
        yield
        return
    fd = _out_of_the_way(fds[0])
    signal.signal(STACK_SIGNAL, lambda _, frame: write_stack(fd, frame))
    signal.siginterrupt(STACK_SIGNAL, False)
    faulthandler.register(NATIVE_STACK_SIGNAL, file=fd, all_threads=False)
    try:
        os.write(fd, b"\n")  # tells the front that it may ask
        yield
    finally:
        faulthandler.unregister(NATIVE_STACK_SIGNAL)
        # A signal that comes too late is ignored, instead of ending this process.
        for number in (STACK_SIGNAL, NATIVE_STACK_SIGNAL):
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.close(fd)


def _out_of_the_way(fd: int) -> int:
    """Move the descriptor to a high number.

    User code may close descriptors that it does not know. A file that it opens then could get the
    same number, and a stack would be written into it.
    """
    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EMFILE):
            raise
        return fd
    os.close(fd)
    return moved
