"""A generation is retired when nothing needs its processes."""

from __future__ import annotations

import asyncio

from codeserver.supervisor.uses import Uses
from tests.unit.scripted import is_waiting
from tests.unit.waiting import soon


async def test_the_end_of_all_uses() -> None:
    uses = Uses()
    await soon(uses.ended())
    with uses.counted():
        with uses.counted():
            ended = asyncio.create_task(uses.ended())
        assert await is_waiting(ended)
    await soon(ended)
    await soon(uses.ended())
