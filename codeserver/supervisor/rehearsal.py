"""Find out whether importing the user's code twice gives the same."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from codeserver.errors import WorkerCrashed
from codeserver.supervisor.exits import explain_exit
from codeserver.supervisor.forker import Child, Forker
from codeserver.supervisor.run_modes import Verdict
from codeserver.supervisor.tasks import Tasks
from codeserver.wire import Frame

_SHORTEST, _FACTOR = 60.0, 10.0
"""Seconds that a rehearsal may take at least, and how much longer than the load it may take."""

_END_GRACE = 2.0
_UNKNOWN = "whether the import is repeatable is not known"


@dataclass(frozen=True)
class Code:
    """The code that a host has loaded.

    Attributes:
        order: what the host was told to load.
        surroundings: what the load has made of them (`codeserver.worker.surroundings`).
        seconds: how long the load took.
    """

    order: bytes
    surroundings: Mapping[str, Any]
    seconds: float


async def rehearse(host: Forker, parent: Forker, code: Code, tasks: Tasks) -> Verdict:
    """Import the code once more in the background, and compare.

    Args:
        host: the process that has imported the code.
        parent: a process that has not, to fork the rehearsal from.
        code: what is imported.
        tasks: owns the ends of the processes.
    """
    limit = max(_SHORTEST, _FACTOR * code.seconds)
    try:
        async with _forked(host, "values", tasks) as child:
            values = await _heard(child, limit)
        async with _forked(parent, "rehearsal", tasks) as child:
            facts = b'{"order": %b, "values": %b}' % (code.order, values.body)
            await child.channel.send(Frame({"kind": "rehearse", **code.surroundings}, facts))
            told = await _heard(child, limit)
    except asyncio.TimeoutError:
        return Verdict(None, (f"{_UNKNOWN}: importing it again took longer than {limit:.0f} s",))
    except (WorkerCrashed, BrokenPipeError) as error:
        return Verdict(None, (f"{_UNKNOWN}: {error}",))
    if told.kind == "failed":
        reason = f"the code could not be imported a second time: {told.header['reason']}"
        return Verdict(False, (reason,))
    findings: Sequence[str] = told.header["findings"]
    return Verdict(False, findings) if findings else Verdict(True, looks=told.header["looks"])


@asynccontextmanager
async def _forked(parent: Forker, role: str, tasks: Tasks) -> AsyncIterator[Child]:
    child = await parent.fork(role)
    try:
        yield child
    finally:
        tasks.start(f"end {role}", child.end(_END_GRACE))


async def _heard(child: Child, limit: float) -> Frame:
    frame = await asyncio.wait_for(child.channel.expect(), limit)
    if frame is not None:
        return frame
    code = None
    with contextlib.suppress(asyncio.TimeoutError):
        code = await asyncio.wait_for(child.ended(), _END_GRACE)
    raise WorkerCrashed(f"the process that imported it again {explain_exit(code)}")
