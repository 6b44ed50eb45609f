"""Code whose host has died is loaded until it is served again; one that was ended may stay away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from codeserver.supervisor import backoff
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.processes.tasks import Tasks
from codeserver.supervisor.revival import Revival, Reviver
from tests.unit.waiting import soon, until


def pauses(revival: Revival, count: int) -> list[float]:
    return [revival.next_pause() for _ in range(count)]


def test_pauses_double_up_to_half_a_minute() -> None:
    expected = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert pauses(Revival(), 9) == expected


@pytest.mark.parametrize(("age", "pause"), [(59.0, 2.0), (61.0, 0.0)])
def test_what_has_lived_for_a_minute_begins_anew(age: float, pause: float) -> None:
    revival = Revival()
    pauses(revival, 3)
    revival.has_lived(age)
    assert revival.next_pause() == pause


class Host:
    def __init__(self) -> None:
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()


class Location:
    """One whose code loads at some try."""

    def __init__(self, loads_at: int = 1) -> None:
        self.tries = 0
        self.host: Any = Host()
        self.generation = Generation(7, self.host, None, None, 0.0)  # type: ignore[arg-type]
        self.served = self.generation
        self.tasks = Tasks()
        self.reviver = Reviver(self._load, lambda each: each is self.served, self.tasks)
        self._loads_at = loads_at

    async def _load(self) -> None:
        self.tries += 1
        if self.tries == self._loads_at:
            self.served = Generation(8, self.host, None, None, 0.0)  # type: ignore[arg-type]


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "_FIRST", 0.001)


async def test_a_host_that_dies_is_replaced_at_once(caplog: pytest.LogCaptureFixture) -> None:
    location = Location()
    location.reviver.watch(location.generation)
    location.host.ended.set_result(-9)
    await soon(location.tasks.settle())
    assert location.tries == 1
    (message,) = caplog.messages
    assert message.startswith("the host of generation 7 was killed by signal 9 (SIGKILL)")
    assert message.endswith("; loading again in 0.0 s")


@pytest.mark.usefixtures("short_pauses")
async def test_it_is_tried_until_it_loads() -> None:
    location = Location(loads_at=4)
    location.reviver.watch(location.generation)
    location.host.ended.set_result(1)
    await soon(location.tasks.settle())
    assert location.tries == 4


async def test_a_host_that_was_replaced_may_end() -> None:
    location = Location()
    location.reviver.watch(location.generation)
    location.served = Generation(8, location.host, None, None, 0.0)  # type: ignore[arg-type]
    location.host.ended.set_result(0)
    await soon(location.tasks.settle())
    assert location.tries == 0


async def test_a_host_that_is_ended_on_purpose_is_not_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    location = Location()
    location.reviver.forget()  # there is none yet
    location.reviver.watch(location.generation)
    location.reviver.forget()
    location.host.ended.set_result(0)
    await soon(location.tasks.settle())
    assert (location.tries, caplog.messages) == (0, [])


@pytest.mark.usefixtures("short_pauses")
async def test_what_does_not_load_again_is_tried_with_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    location = Location(loads_at=2)
    location.reviver.retry(location.generation)
    await until(lambda: location.served is not location.generation)
    assert location.tries == 2
    how = "the host of generation 7 was ended on purpose; loading again in 0.0 s"
    assert caplog.messages == [how] * 2
    await soon(location.tasks.settle())
