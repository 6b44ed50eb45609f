"""Start `forking_program` and follow it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import codeserver
from codeserver.supervisor.channel import Channel
from codeserver.supervisor.forker import Child, Forker
from codeserver.wire import Frame
from tests.unit.waiting import DEADLINE, soon

_PROGRAM = Path(__file__).with_name("forking_program.py")


@contextlib.asynccontextmanager
async def forking_process() -> AsyncIterator[Forker]:
    """A forker of a real process, which is ended with everything that it forked, but runs."""
    process, sock = _start()
    forker = Forker(Channel(sock))
    following = asyncio.create_task(forker.follow())
    try:
        yield forker
    finally:
        await forker.exit()
        try:
            await asyncio.to_thread(process.wait, DEADLINE)
        finally:
            process.kill()
            process.wait()
        await soon(following)


def _start() -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, str(_PROGRAM), str(theirs.fileno())]
        env = {**os.environ, "PYTHONPATH": str(Path(codeserver.__file__).parents[1])}
        return subprocess.Popen(command, env=env, pass_fds=[theirs.fileno()]), ours


async def order(child: Child, deed: str, **extra: Any) -> Frame | None:
    """Have a child of `forking_program` do something; returns what it answers."""
    await soon(child.channel.send(Frame({"kind": "request", "rpc": deed, "extra": extra})))
    return await soon(child.channel.expect())
