"""A process that forks, as the forkserver and hosts do, without Dagster: it starts in no time.

Run with the descriptor of its socket to the test. Its children do what requests tell them to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from types import FrameType

from codeserver.messages import Answer, Ask
from codeserver.processes import NATIVE_STACK_SIGNAL, STACK_SIGNAL, adopt_descendants
from codeserver.worker.process import basics
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.forking import ForkLoop, Main, Role, trampoline
from codeserver.worker.process.own_stack import write_stack
from codeserver.worker.roles import template


def terminate(number: int, _: FrameType | None) -> None:
    """End as by this signal, but not before others that have come with it were handled."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def show_and_terminate(_: int, frame: FrameType | None) -> None:
    """Print the stack, and end as by SIGTERM."""
    write_stack(2, frame)
    terminate(signal.SIGTERM, frame)


def serve(channel: Channel, readers: list[int]) -> int:
    """Do as each request says; the name of its RPC is the deed."""
    if STACK_SIGNAL is not None:
        signal.signal(STACK_SIGNAL, show_and_terminate)
    signal.signal(signal.SIGTERM, terminate)
    while (ask := channel.expect(Ask)) is not None:
        deed, extra, body = ask.rpc, ask.extra, ask.body
        if deed == "deaf":
            for number in (signal.SIGTERM, STACK_SIGNAL, NATIVE_STACK_SIGNAL):
                signal.signal(number or signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0:  # user code that started something of its own
                signal.pause()
        if deed in ("deaf", "hang"):
            if extra.get("tell"):
                channel.send(Answer(b"busy"))
            os.write(2, b"it hangs\n")
            signal.pause()
        if deed == "kill":
            os.kill(os.getpid(), extra["signal"])
        if deed == "exit":
            os._exit(extra["code"])
        if deed == "print":
            os.write(1, extra["stdout"].encode())
            os.write(2, extra["stderr"].encode())
        if deed == "evaluate":
            names = {"os": os, "sys": sys, "template": template, "readers": readers}
            body = json.dumps(eval(extra["expression"], names)).encode()
        channel.send(Answer(body))
    return 0


def host(channel: Channel) -> Main | int:
    """Fork in turn."""
    return ForkLoop(channel, ROLES).run() or 0


ROLES = {
    "evaluator": Role(lambda channel, readers: partial(serve, channel, readers)),
    "run": Role(lambda channel, readers: partial(serve, channel, readers), outlives_parent=True),
    "host": Role(lambda channel, _: partial(host, channel)),
    "template": Role(lambda channel, _: partial(template.serve, channel, ROLES, lambda: None)),
}


if __name__ == "__main__":
    adopt_descendants()
    basics.die_with_parent(os.getppid())
    template.remember_start()
    sys.exit(trampoline(lambda: host(Channel.from_fd(int(sys.argv[1])))))
