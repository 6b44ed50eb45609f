"""The stack of this process, in the form in which Python's `faulthandler` writes it.

`faulthandler` can write at a signal, too, and does so at once, even while native code runs. But it
reads frames that may be half made at that moment: one in about 1,000 signals to a process that
executes Python code ends it by SIGSEGV (measured with Python 3.11; compare
https://github.com/python/cpython/issues/116008). A handler of Python's runs between two
instructions, where frames are whole. So `faulthandler` is for a process that is asleep, or is about
to be killed.
"""

from __future__ import annotations

import contextlib
from types import FrameType

from codeserver.worker.process.originals import os

_MOST_CALLS = 100


def write_stack(fd: int, frame: FrameType | None) -> None:
    """Write the calls that have led to this frame, the innermost first.

    A pipe that is full takes a part, or nothing.
    """
    lines: list[str] = []
    while frame is not None and len(lines) < _MOST_CALLS:
        code = frame.f_code
        lines.append(f'  File "{code.co_filename}", line {frame.f_lineno or 0} in {code.co_name}\n')
        frame = frame.f_back
    if frame is not None:
        lines.append("  ...\n")
    with contextlib.suppress(OSError):
        os.write(fd, "".join(lines).encode("ascii", "backslashreplace"))
