"""When code that nothing needs is unloaded; it is loaded once for all who need it again."""

from __future__ import annotations

import asyncio

import pytest

from codeserver.errors import Draining, RequestTimeout
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.load_queue import LoadQueue
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.uses import Idle
from tests.unit.virtual_time import in_virtual_time
from tests.unit.waiting import soon, until

LIMIT = 10.0

WORDS = {0.2: "0.2 s", 90: "90 s", 600: "10 min", 5400: "90 min", 7200: "2 h", 172800: "2 d"}


@pytest.mark.parametrize(("limit", "words"), WORDS.items())
def test_the_limit_in_words(limit: float, words: str) -> None:
    assert str(Idle(limit, lambda: None)) == words


class Told:
    """An `Idle` that writes down when it tells."""

    def __init__(self, limit: float) -> None:
        self.times: list[float] = []
        self._loop = asyncio.get_running_loop()
        self.idle = Idle(limit, lambda: self.times.append(self._loop.time()))


BEGIN, END = "begin", "end"

TIMES: dict[str, tuple[list[tuple[str, float]], list[float]]] = {
    "nothing yet": ([], []),
    "something is under way": ([(BEGIN, 1)], []),
    "it has ended": ([(BEGIN, 1), (END, 5)], [15]),
    "one of two has ended": ([(BEGIN, 1), (BEGIN, 2), (END, 5)], []),
    "both have": ([(BEGIN, 1), (BEGIN, 2), (END, 5), (END, 7)], [17]),
    "another begins": ([(BEGIN, 1), (END, 5), (BEGIN, 14)], []),
    "and ends": ([(BEGIN, 1), (END, 5), (BEGIN, 14), (END, 14)], [24]),
    "another begins after the limit": ([(BEGIN, 1), (END, 5), (BEGIN, 16), (END, 17)], [15, 27]),
}


@pytest.mark.parametrize(("events", "times"), TIMES.values(), ids=TIMES)
@in_virtual_time
async def test_when_it_tells(events: list[tuple[str, float]], times: list[float]) -> None:
    told = Told(LIMIT)
    loop = asyncio.get_running_loop()
    for what, at in events:
        await asyncio.sleep(at - loop.time())
        (told.idle.begin if what == BEGIN else told.idle.end)()
    await asyncio.sleep(99)
    assert told.times == times


@in_virtual_time
async def test_it_tells_once_after_each_thing_that_needs_the_code() -> None:
    told = Told(LIMIT)
    for _ in range(2):
        with told.idle.counted():
            await asyncio.sleep(1)
        await asyncio.sleep(99)
    assert told.times == [1 + LIMIT, 101 + LIMIT]


@in_virtual_time
async def test_it_does_not_tell_while_anything_is_under_way() -> None:
    told = Told(LIMIT)
    told.idle.begin()
    with told.idle.counted():
        pass
    await asyncio.sleep(99)
    assert not told.times
    told.idle.end()
    await asyncio.sleep(99)
    assert told.times == [99 + LIMIT]


@in_virtual_time
async def test_what_begins_and_ends_meanwhile_puts_it_off() -> None:
    told = Told(LIMIT)
    with told.idle.counted():
        pass
    await asyncio.sleep(LIMIT - 1)
    with told.idle.counted():
        await asyncio.sleep(0.5)
    await asyncio.sleep(99)
    assert told.times == [LIMIT - 0.5 + LIMIT]


@in_virtual_time
async def test_it_never_tells_without_a_limit() -> None:
    told = Told(0)
    with told.idle.counted():
        pass
    await asyncio.sleep(99)
    assert not told.times


@in_virtual_time
async def test_work_that_fails_has_ended_all_the_same() -> None:
    told = Told(LIMIT)

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await told.idle.kept_off_by(fail)
    await asyncio.sleep(99)
    assert told.times == [LIMIT]


class Code:
    """Loads that all end when a test says so."""

    def __init__(self) -> None:
        self.tasks = Tasks()
        self.loads = LoadQueue(self._load, self.tasks)
        self.began = 0
        self.end = asyncio.Event()

    async def _load(self) -> LoadFailure | None:
        self.began += 1
        await self.end.wait()
        return None


async def test_all_that_come_at_once_share_one_load(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    code = Code()
    waking = [asyncio.create_task(code.loads.wake(f"sensor {n}", 10.0)) for n in range(8)]
    await until(lambda: code.began)
    waking.append(asyncio.create_task(code.loads.wake("late sensor", 10.0)))
    code.end.set()
    await soon(asyncio.gather(*waking))
    assert code.began == 1
    assert caplog.messages == ["the sensor 0 needs the code, which is loaded again"]
    await code.tasks.close()


async def test_who_gives_up_takes_nobody_along() -> None:
    code = Code()
    patient = asyncio.create_task(code.loads.wake("patient", 10.0))
    with pytest.raises(RequestTimeout, match="The hasty one needs code that was unloaded"):
        await soon(code.loads.wake("hasty one", 0.01))
    code.end.set()
    await soon(patient)
    assert code.began == 1
    await code.tasks.close()


async def test_the_server_is_told_to_stop_meanwhile() -> None:
    code = Code()
    waking = asyncio.create_task(code.loads.wake("sensor", 10.0))
    await until(lambda: code.began)
    code.loads.cancel()
    with pytest.raises(Draining):
        await soon(waking)
    await code.tasks.close()
