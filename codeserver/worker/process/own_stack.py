"""The stack of this process, in the format of Python's `faulthandler`.

`faulthandler` writes the stack at once at a signal, even while native code runs. But at that moment
a frame may be incomplete: about one in 1,000 signals to a process that executes Python code ends it
by SIGSEGV (measured with Python 3.11; compare https://github.com/python/cpython/issues/116008). A
signal handler in Python runs between two instructions, where frames are complete. So `faulthandler`
is only for a process that is asleep or about to be killed.
"""

from __future__ import annotations

import contextlib
from types import FrameType

from codeserver.worker.process.originals import os

_MOST_CALLS = 100


def write_stack(fd: int, frame: FrameType | None) -> None:
    """Write the calls that led to this frame, innermost first.

    If the descriptor is a full pipe, some or all of the text is lost.
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
