"""The process that has Dagster imported and forks a host for each generation of user code.

Started by the front with one inherited socket, in a session of its own, so that Ctrl-C in a
terminal reaches the front only.
"""

from __future__ import annotations

import gc
import os
import sys
from functools import partial

from codeserver.worker import process
from codeserver.worker.channel import Channel
from codeserver.worker.forking import ForkLoop, Kind, Role, trampoline


def main(fd: int, parent: int) -> None:
    """Serve the front over `fd`; does not return.

    Args:
        fd: the inherited socket to the front.
        parent: process id of the front.
    """
    process.die_with_parent(parent)
    process.set_name("codeserver forkserver")
    process.become_subreaper()
    sys.exit(trampoline(lambda: _serve(Channel.from_fd(fd))))


def _serve(channel: Channel) -> Role | int:
    try:
        from codeserver.worker import caretaker, host
    except BaseException as error:
        channel.send({"kind": "failed", "text": f"Dagster cannot be imported: {error!r}"})
        return 1
    gc.collect()
    gc.freeze()
    channel.send({"kind": "ready", "pid": os.getpid()})
    kinds = {
        "host": Kind(lambda channel: partial(host.serve, channel)),
        "caretaker": Kind(lambda channel: partial(caretaker.record_end, channel)),
    }
    return ForkLoop(channel, kinds).run() or 0
