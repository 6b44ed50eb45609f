"""A process that forks, as the forkserver and hosts do, without Dagster: it starts in no time.

Run with the descriptor of its socket to the test. Its children do what requests tell them to.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

from codeserver.worker import process
from codeserver.worker.channel import Channel
from codeserver.worker.forking import ForkLoop, Kind, Role, trampoline


def serve(channel: Channel) -> int:
    """Do what each request says; the name of its RPC is the deed."""
    while (frame := channel.receive()) is not None:
        deed, extra = frame.header["rpc"], frame.header["extra"]
        if deed == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0:  # user code that started something of its own
                signal.pause()
        if deed in ("deaf", "hang"):
            if extra.get("tell"):
                channel.send({"kind": "busy"})
            signal.pause()
        if deed == "kill":
            os.kill(os.getpid(), extra["signal"])
        if deed == "exit":
            os._exit(extra["code"])
        reply = {"pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0)}
        channel.send({"kind": "reply", "is_error": False, **reply}, frame.body)
    return 0


def host(channel: Channel) -> Role | int:
    """Fork in turn."""
    return ForkLoop(channel, KINDS).run() or 0


KINDS = {
    "evaluator": Kind(lambda channel: partial(serve, channel)),
    "run": Kind(lambda channel: partial(serve, channel), outlives_parent=True),
    "host": Kind(lambda channel: partial(host, channel)),
}


if __name__ == "__main__":
    process.become_subreaper()
    process.die_with_parent(os.getppid())
    sys.exit(trampoline(lambda: host(Channel.from_fd(int(sys.argv[1])))))
