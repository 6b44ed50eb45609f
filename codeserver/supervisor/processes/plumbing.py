"""The descriptors between the front and a child to be."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence


def ends_for_child(*, keeps_readers: bool) -> tuple[socket.socket, Sequence[int], list[int]]:
    """Make the socket to a child, and the pipes of its output.

    Args:
        keeps_readers: whether the child gets the reading ends, too, to read them after the end of
            the front.

    Returns:
        The front's end of the socket, the reading ends of stdout and stderr, and the descriptors
        for the child.

    Raises:
        OSError: the system has no descriptor left.
    """
    with contextlib.ExitStack() as undo:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            undo.callback(end.close)
        ends = []
        for _ in ("stdout", "stderr"):
            ends.append(os.pipe())
            for fd in ends[-1]:
                undo.callback(os.close, fd)
        readers, writers = zip(*ends, strict=True)
        kept: list[int] = []
        for fd in readers if keeps_readers else ():
            kept.append(os.dup(fd))
            undo.callback(os.close, kept[-1])
        undo.pop_all()
    return ours, readers, [theirs.detach(), *writers, *kept]
