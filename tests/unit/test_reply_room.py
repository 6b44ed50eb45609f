"""Long replies under way are bounded in bytes; the others wait for their turn."""

from __future__ import annotations

import asyncio

import pytest

from codeserver.front.reply_room import ReplyRoom

MOST_BYTES = 1_000_000
HALF = MOST_BYTES // 2


async def turns() -> None:
    """Let every other task do what it can do now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def begin(replies: ReplyRoom, *sizes: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(replies.take(size)) for size in sizes]
    await turns()
    return tasks


def done(tasks: list[asyncio.Task[None]]) -> list[bool]:
    return [task.done() for task in tasks]


async def test_replies_wait_for_room_in_their_order() -> None:
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, HALF, HALF, HALF, 1, HALF)
    assert done(tasks) == [True, True, False, False, False]
    replies.give_back(HALF)
    await turns()
    assert done(tasks) == [True, True, True, False, False]
    replies.give_back(HALF)
    await turns()
    assert done(tasks) == [True, True, True, True, False]
    replies.give_back(1)
    await turns()
    assert all(done(tasks))


async def test_one_reply_has_room_however_long_it_is() -> None:
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, 3 * MOST_BYTES, 1)
    assert done(tasks) == [True, False]
    replies.give_back(3 * MOST_BYTES)
    await turns()
    assert all(done(tasks))


@pytest.mark.parametrize("is_granted", [False, True])
async def test_a_call_that_ends_while_it_waits(is_granted: bool) -> None:
    """It keeps no room, also when it was granted at this very moment."""
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, MOST_BYTES, MOST_BYTES, HALF)
    if is_granted:
        replies.give_back(MOST_BYTES)
    tasks[1].cancel()
    await turns()
    if not is_granted:
        replies.give_back(MOST_BYTES)
        await turns()
    assert tasks[1].cancelled()
    assert done(tasks) == [True, True, True]
    (last,) = await begin(replies, HALF)
    assert last.done()
