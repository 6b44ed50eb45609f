"""The process of an embedded server, which ends when the program that has started it does.

Run as `python -m codeserver.embedding.process FD FOLDER grpc ...`. FD is one end of a socket pair
whose other end only that program has. It is told there where the server listens, and when it is
gone, for whatever reason, this end is closed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from functools import partial

_FINISH_SECONDS, _HURRY_SECONDS = 5.0, 5.0
"""As at any shutdown: first for runs and requests to finish, then for what is left to end."""


def main() -> None:
    """Serve until asked to stop, or until the program has ended."""
    number, folder, *arguments = sys.argv[1:]
    lifeline = socket.socket(fileno=int(number))
    # Processes of the server live longer than it does, and must not look like it.
    lifeline.set_inheritable(False)
    threading.Thread(target=_follow, args=(lifeline,), name="lifeline", daemon=True).start()
    sys.argv = ["codeserver", *arguments]
    sys.modules["__main__"].__package__ = ""  # or the command is named after this module, too
    from codeserver.cli import main as command
    from codeserver.cli.commands import grpc

    grpc.on_listening.append(partial(_tell, lifeline))
    try:
        command.main()
    finally:
        if folder:
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _follow(lifeline: socket.socket) -> None:
    """Shut down when the other end is gone."""
    with contextlib.suppress(OSError):
        while lifeline.recv(1):
            pass
    for number, seconds in (
        (signal.SIGTERM, _FINISH_SECONDS),
        (signal.SIGTERM, _HURRY_SECONDS),
        (signal.SIGKILL, 0.0),
    ):
        os.kill(os.getpid(), number)
        threading.Event().wait(seconds)  # the end of the process ends this, too


def _tell(lifeline: socket.socket, addresses: list[str]) -> None:
    with contextlib.suppress(OSError):
        lifeline.sendall(json.dumps(addresses).encode() + b"\n")


if __name__ == "__main__":
    main()
