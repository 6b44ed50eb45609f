"""The program behind `warm`: imports what containers need, and forks one for each order."""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any


def main() -> None:
    """Fork containers until stdin ends; its argument is the descriptor of a listening socket."""
    import boto3  # noqa: F401
    import dagster_aws.s3  # noqa: F401
    import dagster_k8s.launcher  # noqa: F401
    from dagster._cli import main as dagster

    assert threading.active_count() == 1, "a process with threads can not be forked"
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        order = _serve(listener)
    if order is not None:  # this is a container; its stack starts here
        _become(order, dagster)


def _serve(listener: socket.socket) -> dict[str, Any] | None:
    """Fork a shim for each connection; returns None at the end, and in a container its order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for shims
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return None
        connection, _ = listener.accept()
        with connection:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _shim(connection)


def _shim(connection: socket.socket) -> dict[str, Any]:
    """Fork the container, say its process id and in the end its exit code; returns in it only."""
    with connection.makefile("rw") as stream:
        order: dict[str, Any] = json.loads(stream.readline())
        pid = os.fork()
        if pid == 0:
            os.setsid()
            return order
        stream.write(f"{pid}\n")
        stream.flush()
        _, status = os.waitpid(pid, 0)
        stream.write(f"{os.waitstatus_to_exitcode(status)}\n")
        stream.flush()
    os._exit(0)


def _become(order: Mapping[str, Any], dagster: Callable[[], object]) -> None:
    """Run what a container is for, in its environment; the process ends with its exit code."""
    with open(os.devnull, "rb") as nothing, open(order["log"], "ab") as log:
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source.fileno(), target)
    program = order["argv"][0]
    try:
        os.chdir(order["cwd"])
        if program != "dagster":
            os.execvpe(program, order["argv"], order["env"])
    except OSError:
        traceback.print_exc()
        os._exit(127)
    os.environ.clear()
    os.environ.update(order["env"])
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.path.pop(0)  # where this program is; it is not the container's
    sys.argv = order["argv"]
    sys.exit(dagster())  # type: ignore[func-returns-value]


if __name__ == "__main__":
    main()
