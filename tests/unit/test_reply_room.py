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


async def begin(replies: ReplyRoom, *sizes: int, hosts: str = "abcde") -> list[asyncio.Task[None]]:
    """Take room for replies to these hosts, whose names are letters."""
    pairs = zip(sizes, hosts, strict=False)
    tasks = [asyncio.create_task(replies.take(size, host)) for size, host in pairs]
    await turns()
    return tasks


def done(tasks: list[asyncio.Task[None]]) -> list[bool]:
    return [task.done() for task in tasks]


async def test_replies_wait_for_room_in_their_order() -> None:
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, HALF, HALF, HALF, 1, HALF)
    assert done(tasks) == [True, True, False, False, False]
    replies.give_back(HALF, "a")
    await turns()
    assert done(tasks) == [True, True, True, False, False]
    replies.give_back(HALF, "b")
    await turns()
    assert done(tasks) == [True, True, True, True, False]
    replies.give_back(1, "d")
    await turns()
    assert all(done(tasks))


async def test_one_reply_has_room_however_long_it_is() -> None:
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, 3 * MOST_BYTES, 1)
    assert done(tasks) == [True, False]
    replies.give_back(3 * MOST_BYTES, "a")
    await turns()
    assert all(done(tasks))


@pytest.mark.parametrize("is_granted", [False, True])
async def test_a_call_that_ends_while_it_waits(is_granted: bool) -> None:
    """It keeps no room, also when it was granted at this very moment."""
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, MOST_BYTES, MOST_BYTES, HALF)
    if is_granted:
        replies.give_back(MOST_BYTES, "a")
    tasks[1].cancel()
    await turns()
    if not is_granted:
        replies.give_back(MOST_BYTES, "a")
        await turns()
    assert tasks[1].cancelled()
    assert done(tasks) == [True, True, True]
    (last,) = await begin(replies, HALF)
    assert last.done()


async def test_a_host_that_reads_nothing_stops_no_other() -> None:
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, HALF, HALF, HALF, HALF, HALF, hosts="aaabb")
    assert done(tasks) == [True, False, False, True, False]
    replies.give_back(HALF, "b")
    await turns()
    assert done(tasks) == [True, False, False, True, True]
    replies.give_back(HALF, "a")
    await turns()
    assert done(tasks) == [True, True, False, True, True]
    replies.give_back(HALF, "a")
    await asyncio.wait(tasks)


async def test_a_long_reply_is_not_passed_by_short_ones() -> None:
    replies = ReplyRoom(MOST_BYTES)
    tasks = await begin(replies, HALF, MOST_BYTES, 1, hosts="abc")
    assert done(tasks) == [True, False, False]
    replies.give_back(HALF, "a")
    await turns()
    assert done(tasks) == [True, True, False]
    replies.give_back(MOST_BYTES, "b")
    await asyncio.wait(tasks)
