"""Values that are made once for all callers."""

from __future__ import annotations

import asyncio

import pytest

from codeserver.front.once import Once
from tests.unit.waiting import soon


async def test_a_value_is_made_once_for_each_key() -> None:
    once, made = Once(), []

    async def make() -> int:
        made.append(len(made))
        await asyncio.sleep(0)
        return made[-1]

    first = await asyncio.gather(*(once.get("key", make) for _ in range(5)))
    assert first == [0] * 5
    assert [await once.get(key, make) for key in ("key", "other", "other")] == [0, 1, 1]


async def test_a_failure_is_not_kept_and_a_caller_may_go() -> None:
    once, going_on = Once(), asyncio.Event()

    async def fail() -> None:
        await going_on.wait()
        raise ValueError("once")

    async def work() -> str:
        return "made"

    callers = [asyncio.ensure_future(once.get("key", fail)) for _ in range(3)]
    await asyncio.sleep(0)
    callers[0].cancel()  # the others wait for the same
    await asyncio.sleep(0)
    going_on.set()
    for each in callers[1:]:
        with pytest.raises(ValueError, match="once"):
            await soon(each)
    assert await once.get("key", work) == "made"
