"""Import the user's code a second time, and compare the results."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from codeserver.errors import WorkerCrashed
from codeserver.facts import LoadOrder, Surroundings
from codeserver.messages import NotRehearsed, Rehearse, Rehearsed, Values
from codeserver.supervisor.loading.run_modes import Verdict
from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.exits import explain_exit
from codeserver.supervisor.processes.forker import Forker
from codeserver.supervisor.processes.tasks import Tasks

T = TypeVar("T")

_SHORTEST, _FACTOR = 60.0, 10.0
"""The smallest time limit of a rehearsal in seconds, and the limit as a multiple of the load."""

_UNKNOWN = "whether the import is repeatable is not known"


async def rehearse(
    host: Forker,
    parent: Forker,
    order: LoadOrder,
    surroundings: Surroundings,
    tasks: Tasks,
    *,
    seconds: float,
) -> Verdict:
    """Import the code again in the background, and compare it with that of the host."""
    limit = max(_SHORTEST, _FACTOR * seconds)
    try:
        async with _forked(host, "values", tasks) as child:
            values = await _heard(child, child.channel.expect(Values, timeout=limit))
        async with _forked(parent, "rehearsal", tasks) as child:
            await child.channel.send(Rehearse(values.body, order, surroundings))
            telling = child.channel.expect(Rehearsed, NotRehearsed, timeout=limit)
            told: Rehearsed | NotRehearsed = await _heard(child, telling)
    except asyncio.TimeoutError:
        return Verdict(None, (f"{_UNKNOWN}: importing it again took longer than {limit:.0f} s",))
    except (WorkerCrashed, BrokenPipeError) as error:
        return Verdict(None, (f"{_UNKNOWN}: {error}",))
    if isinstance(told, NotRehearsed):
        return Verdict(False, (f"the code could not be imported a second time: {told.reason}",))
    return Verdict(False, told.findings) if told.findings else Verdict(True, looks=told.looks)


@asynccontextmanager
async def _forked(parent: Forker, role: str, tasks: Tasks) -> AsyncIterator[Child]:
    child = await parent.fork(role)
    try:
        yield child
    finally:
        tasks.start(f"end {role}", child.end(patience.END_GRACE))


async def _heard(child: Child, telling: Awaitable[T | None]) -> T:
    if (told := await telling) is not None:
        return told
    code = None
    with contextlib.suppress(asyncio.TimeoutError):
        code = await asyncio.wait_for(child.ended(), patience.END_GRACE)
    raise WorkerCrashed(f"the process that imported it again {explain_exit(code)}")
