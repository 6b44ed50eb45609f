"""Start `forking_program` and follow it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import codeserver
from codeserver.messages import Answer, Ask
from codeserver.supervisor.processes.channel import Channel
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.output import Outputs
from tests.unit.waiting import DEADLINE, soon

_PROGRAM = Path(__file__).with_name("forking_program.py")


@contextlib.asynccontextmanager
async def forking_process(*paths: Path) -> AsyncIterator[Forker]:
    """A forker of a real process, which is ended with everything that it forked, but runs.

    Args:
        paths: where its modules are looked for, besides.
    """
    process, sock = _start(paths)
    outputs = Outputs()
    forker = Forker(Channel(sock), outputs, pid=process.pid)
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
        outputs.close()


@contextlib.asynccontextmanager
async def forking_host(forkserver: Forker) -> AsyncIterator[tuple[Child, Forker]]:
    """A real child that forks in turn, and its forker; its orphans go to `forkserver`."""
    host = await soon(forkserver.fork("host"))
    outputs = Outputs()
    forker = Forker(host.channel, outputs, adopter=forkserver, pid=host.pid)
    following = asyncio.create_task(forker.follow())
    try:
        yield host, forker
    finally:
        await soon(host.signal(signal.SIGKILL))
        await soon(following)
        outputs.close()


def _start(paths: Iterable[Path]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, str(_PROGRAM), str(theirs.fileno())]
        own = Path(codeserver.__file__).parents[1]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*paths, own)))}
        return subprocess.Popen(command, env=env, pass_fds=[theirs.fileno()]), ours


async def order(child: Child, deed: str, **extra: Any) -> Answer | None:
    """Have a child of `forking_program` do something; returns its answer."""
    await soon(child.channel.send(Ask(b"", deed, extra)))
    return await soon(child.channel.expect(Answer))


async def value(child: Child, expression: str) -> Any:
    """The value of the expression in a child of `forking_program`."""
    answer = await order(child, "evaluate", expression=expression)
    assert answer is not None
    return json.loads(answer.body)
