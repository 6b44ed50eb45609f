"""When a server without heartbeats is to end."""

from __future__ import annotations

import asyncio

import pytest

from codeserver.front.servers.server import Heartbeats
from tests.unit.virtual_time import in_virtual_time


@pytest.mark.parametrize(("pauses", "end"), [((), 2.0), ((1.5,), 3.5), ((1.5,) * 5, 9.5)])
@in_virtual_time
async def test_they_cease(pauses: tuple[float, ...], end: float) -> None:
    """With a limit of two seconds and a heartbeat after each pause."""
    heartbeats = Heartbeats()
    ceasing = asyncio.create_task(heartbeats.cease(2))
    for pause in pauses:
        await asyncio.sleep(pause)
        heartbeats.hear()
    await ceasing
    assert asyncio.get_running_loop().time() == end
