"""Who may use an evaluator: bounded, fair between subjects, and never lost."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack

import pytest

from codeserver.config import Config
from codeserver.errors import Overloaded, RequestTimeout
from codeserver.supervisor.evaluating import admission
from codeserver.supervisor.evaluating.admission import ENDING, QueueCounts, Slots
from codeserver.supervisor.evaluating.request import Deadline, Request
from codeserver.supervisor.location import Location
from codeserver.supervisor.processes.forkserver import Spawning
from codeserver.target import Target
from tests.unit.waiting import DEADLINE, soon


class Queue:
    """Slots, and who has got one, in that order."""

    def __init__(self, total: int, queue: int = 100) -> None:
        self.slots = Slots(total, queue)
        self.granted: list[str] = []

    async def take(self, subject: str, timeout: float = DEADLINE) -> None:
        await soon(self.slots.take(subject, Deadline.after(timeout)))
        self.granted.append(subject)

    async def wait(self, subject: str, timeout: float = DEADLINE) -> asyncio.Task[None]:
        """Begin to take one; returns when that has got as far as it can."""
        taking = asyncio.create_task(self.take(subject, timeout))
        await turns()
        return taking

    async def give_back(self, *subjects: str) -> list[str]:
        """Give these back; returns who has got one therefore."""
        before = len(self.granted)
        for subject in subjects:
            self.slots.give_back(subject)
        await turns()
        return self.granted[before:]

    @property
    def load(self) -> tuple[int, int]:
        return self.slots.running, self.slots.waiting


async def turns() -> None:
    """Let every other task do what it can do now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.mark.parametrize(
    ("total", "share"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (8, 4), (32, 16)]
)
async def test_one_subject_gets_half(total: int, share: int) -> None:
    queue = Queue(total)
    greedy = [await queue.wait("greedy") for _ in range(total + 1)]
    assert queue.load == (share, total + 1 - share)
    others = [await queue.wait(f"other {number}") for number in range(total - share)]
    assert all(task.done() for task in others), "the rest is there for others"
    assert queue.load == (total, total + 1 - share)
    late = await queue.wait("late")
    assert not late.done()
    await cancelled(*greedy[share:], late)
    assert queue.load == (total, 0)


async def test_slots_are_given_back_to_those_who_wait() -> None:
    queue = Queue(1)
    await queue.take("a")
    waiting = [await queue.wait(subject) for subject in "abab"]
    assert queue.load == (1, 4)
    order = []
    running = "a"
    for _ in waiting:
        [running] = await queue.give_back(running)
        order.append(running)
    assert order == ["a", "b", "a", "b"]
    assert await queue.give_back(running) == []
    assert queue.load == (0, 0)


FAIR: list[tuple[str, list[str], str, list[str], list[str]]] = [
    # who has the four slots, who waits for one, who gives back, who gets one
    ("one who has none goes first", ["a", "a", "b", "c"], "c", ["b", "d"], ["d"]),
    ("then one who has fewer", ["a", "a", "b", "b"], "a", ["a", "a", "c"], ["c"]),
    ("equals in the order of their coming", ["a", "a", "b", "b"], "b", ["d", "c"], ["d"]),
    ("who has half waits on", ["a", "a", "b", "c"], "c", ["a"], []),
    ("but not when it is its own", ["a", "a", "b", "c"], "a", ["a"], ["a"]),
    ("a newcomer is not behind a crowd", ["a", "a", "b", "b"], "a", ["b"] * 9 + ["c"], ["c"]),
]


@pytest.mark.parametrize(
    ("running", "gives_back", "waiting", "gets"),
    [case[1:] for case in FAIR],
    ids=[case[0] for case in FAIR],
)
async def test_fairness(
    running: list[str], gives_back: str, waiting: list[str], gets: list[str]
) -> None:
    queue = Queue(4)
    for subject in running:
        await queue.take(subject)
    tasks = [await queue.wait(subject) for subject in waiting]
    assert queue.load == (4, len(waiting))
    assert await queue.give_back(gives_back) == gets
    await cancelled(*tasks)
    assert queue.load == (3 + len(gets), 0)


async def test_a_subject_with_many_requests_takes_turns_with_the_others() -> None:
    queue = Queue(1)
    await queue.take("x")
    tasks = [await queue.wait(subject) for subject in ["a"] * 4 + ["b"] * 2 + ["c"]]
    order, running = [], "x"
    for _ in tasks:
        [running] = await queue.give_back(running)
        order.append(running)
    assert "".join(order) == "abcabaa"
    queue.slots.give_back(running)


async def test_what_becomes_free_at_once_goes_to_several() -> None:
    queue = Queue(4)
    for subject in "aabb":
        await queue.take(subject)
    tasks = [await queue.wait(subject) for subject in "cdcde"]
    assert sorted(await queue.give_back("a", "a", "b")) == ["c", "d", "e"]
    assert queue.load == (4, 2)
    await cancelled(*tasks)


async def test_within_a_subject_first_come_first_served() -> None:
    queue = Queue(1)
    await queue.take("a")
    tasks = [await queue.wait("a") for _ in range(4)]
    await cancelled(tasks[1])
    for number in (0, 2, 3):
        assert [task.done() for task in tasks].count(True) == 1 + [0, 2, 3].index(number)
        await queue.give_back("a")
        assert tasks[number].done()
    queue.slots.give_back("a")


QUEUES = [(0, 0, 0), (1, 1, 1), (2, 1, 2), (3, 1, 3), (10, 5, 10)]


@pytest.mark.parametrize(("size", "share", "most"), QUEUES)
async def test_the_bounds_of_the_queue(size: int, share: int, most: int) -> None:
    queue = Queue(1, size)
    await queue.take("running")
    greedy = [await queue.wait("greedy") for _ in range(share)]
    with pytest.raises(Overloaded):
        await queue.take("greedy")
    others = [await queue.wait(f"other {number}") for number in range(most - share)]
    with pytest.raises(Overloaded):
        await queue.take("late")
    assert queue.load == (1, most)
    assert queue.slots.counts.refused == 2
    if tasks := [*greedy, *others]:
        await cancelled(*tasks)
    assert queue.load == (1, 0)


async def test_without_a_queue_what_finds_a_slot_is_answered() -> None:
    queue = Queue(2, 0)
    await queue.take("a")
    await queue.take("b")
    with pytest.raises(Overloaded):
        await queue.take("c")
    await queue.give_back("a")
    await queue.take("c")
    assert queue.slots.counts == QueueCounts(refused=1)


async def test_a_refusal_says_what_is_busy() -> None:
    queue = Queue(2, 4)
    await queue.take("sensor greedy")
    await queue.take("sensor other")
    tasks = [await queue.wait("sensor greedy") for _ in range(2)]
    with pytest.raises(Overloaded) as error:
        await queue.take("sensor greedy")
    assert str(error.value) == (
        "The sensor greedy cannot wait for an evaluator: the queue is full (2 of 2 busy, 1 of them "
        "with it; 2 waiting, 2 of them for it; --max-queue 4, 2 for one sensor, schedule or job). "
        "Try again later."
    )
    await cancelled(*tasks)


async def test_refusals_are_logged_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not for each of ten thousand; each line says how many there were."""
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    clock.now = 0.5  # right after the start of the machine
    slots = Slots(1, 0)
    await slots.take("running", 1.0)
    for pause, lines in [(0.0, 1), (5.0, 1), (5.1, 2), (0.1, 2), (1000.0, 3)]:
        clock.now += pause
        with pytest.raises(Overloaded) as error:
            await slots.take("late", 1.0)
        assert [record.levelname for record in caplog.records] == ["WARNING"] * lines
    assert caplog.records[-1].getMessage() == (f"{error.value} (5 requests were refused so far.)")


@pytest.mark.parametrize("timeout", [0.01, 0.0, -3.0])
async def test_waiting_takes_too_long(timeout: float) -> None:
    queue = Queue(1)
    await queue.take("sensor a")
    with pytest.raises(RequestTimeout) as error:
        await queue.take("sensor b", timeout)
    assert str(error.value) == (
        f"The sensor b waited {Deadline.after(timeout)} for a free evaluator (1 of 1 busy, 0 of "
        "them with it; 1 waiting, 1 of them for it). Look for user code that hangs, or raise "
        "--max-workers."
    )
    assert queue.load == (1, 0)
    assert queue.slots.counts == QueueCounts(timed_out=1)
    await queue.give_back("sensor a")
    assert queue.load == (0, 0)
    await queue.take("sensor b", timeout)
    assert queue.granted == ["sensor a", "sensor b"], "what is free needs no time"


async def test_a_caller_that_gives_up_while_it_waits() -> None:
    queue = Queue(1)
    await queue.take("a")
    tasks = [await queue.wait(subject) for subject in "bcb"]
    await cancelled(tasks[0], tasks[1])
    assert queue.load == (1, 1)
    assert await queue.give_back("a") == ["b"]
    assert await queue.give_back("b") == []
    assert queue.load == (0, 0)
    assert queue.slots.counts.timed_out == 0


@pytest.mark.parametrize("next_in_line", [True, False])
async def test_a_caller_that_gives_up_when_it_gets_one(next_in_line: bool) -> None:
    """It is granted and cancelled before it runs again; the slot goes on to the next."""
    queue = Queue(1)
    await queue.take("a")
    leaving = await queue.wait("b")
    staying = await queue.wait("c") if next_in_line else None
    queue.slots.give_back("a")
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    await turns()
    assert queue.granted == ["a", *(["c"] if staying else [])]
    assert queue.load == (int(next_in_line), 0)


async def test_a_timeout_that_comes_with_the_slot() -> None:
    """Both are due when the event loop has its next turn: whoever gets it, none is lost."""
    queue = Queue(1)
    await queue.take("a")
    tasks = [await queue.wait(subject, timeout=0.0) for subject in "bc"]
    queue.slots.give_back("a")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    got = [subject for subject, result in zip("bc", results, strict=True) if result is None]
    assert queue.granted == ["a", *got]
    assert queue.load == (len(got), 0)


async def test_a_slot_whose_evaluator_is_being_ended_counts_for_nobody() -> None:
    """The subject may have another meanwhile, but all together never have more than there are."""
    queue = Queue(2)
    await queue.take("hangs")
    tasks = [await queue.wait("hangs") for _ in range(2)]
    assert queue.load == (1, 2)
    queue.slots.count_as_ending("hangs")
    await turns()
    assert [task.done() for task in tasks] == [True, False]
    assert queue.load == (2, 1)
    late = await queue.wait("late")
    assert not late.done()
    queue.slots.give_back(ENDING)
    await turns()
    assert late.done(), "it has fewer"
    queue.slots.give_back("hangs")
    await turns()
    assert tasks[1].done()
    for subject in ("hangs", "late"):
        queue.slots.give_back(subject)
    assert queue.load == (0, 0)


async def test_several_that_are_being_ended() -> None:
    queue = Queue(3)
    for subject in "abc":
        await queue.take(subject)
    for subject in "abc":
        queue.slots.count_as_ending(subject)
    assert queue.load == (3, 0)
    waiting = [await queue.wait(subject) for subject in "abc"]
    for count in (1, 2, 3):
        queue.slots.give_back(ENDING)
        await turns()
        assert [task.done() for task in waiting].count(True) == count
        assert queue.load == (3, 3 - count)


async def test_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    queue = Queue(1)
    await queue.take("a")
    assert queue.slots.counts == QueueCounts(), "it has not waited"
    tasks = [await queue.wait(subject) for subject in "bc"]
    for subject in "ab":
        clock.now += 0.25
        await queue.give_back(subject)
    assert all(task.done() for task in tasks)
    assert queue.slots.counts == QueueCounts(waited=2, waited_seconds=0.75)


@pytest.mark.parametrize(("seconds", "lines"), [(0.9, 0), (1.5, 1)])
async def test_a_long_wait_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, seconds: float, lines: int
) -> None:
    caplog.set_level(logging.INFO, "codeserver")
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    queue = Queue(1)
    await queue.take("sensor a")
    await queue.wait("sensor b")
    clock.now += seconds
    await queue.give_back("sensor a")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "INFO",
            "the sensor b waited 1.5 s for a free evaluator; 1 of 1 are busy, 0 requests wait",
        )
    ] * lines


MB = 1_000_000


def test_bytes_that_are_held() -> None:
    """All may have 400 MB, one subject half of that, and short arguments do not count."""
    slots = Slots(4, 100)
    with ExitStack() as held:
        for subject in ("sensor a", "sensor a", "sensor b"):
            held.enter_context(slots.holding(subject, 90 * MB))
        with pytest.raises(Overloaded) as refused, slots.holding("sensor a", 30 * MB):
            pass
        assert str(refused.value) == (
            "The sensor a has an argument of 30 MB, and requests with 270 MB are under way, 180 MB "
            "of them for it. All may have 400 MB, and one sensor, schedule or job half of that. "
            "Try again later, or keep less in the cursor."
        )
        with slots.holding("sensor b", 100 * MB), slots.holding("sensor c", 30 * MB):
            with pytest.raises(Overloaded), slots.holding("sensor d", 1 * MB):
                pass
            with slots.holding("sensor a", 65_536), slots.holding("sensor d", 65_536):
                pass
        held.enter_context(slots.holding("sensor d", 100 * MB))
    assert slots.counts.refused == 2
    with slots.holding("sensor a", 900 * MB), pytest.raises(Overloaded):
        held.enter_context(slots.holding("sensor b", 1 * MB))


async def test_a_location_holds_the_bytes_of_its_requests() -> None:
    location = Location(Config(), Target(python_file="repo.py"), Spawning())
    request = Request(
        "GetExecutionPlan", memoryview(bytes(MB)), Deadline.after(1.0), "plan of job a"
    )
    with location.queue.holding("sensor b", 400 * MB), pytest.raises(Overloaded):
        await location.evaluate(request)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now
