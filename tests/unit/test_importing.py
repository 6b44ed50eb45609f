"""Which processes load the code, and what a host has told of it so far."""

from __future__ import annotations

import asyncio

import pytest

from codeserver.facts import LoadOrder
from codeserver.messages import LoadedAgain
from codeserver.supervisor.loading.starter import Spawn
from codeserver.supervisor.uses import Importing
from tests.unit.scripted import NOBODY, script
from tests.unit.waiting import soon


def test_it_ends_when_the_last_one_has_ended() -> None:
    importing, ends = Importing(), []
    importing.on_end = lambda: ends.append(importing.is_under_way)
    with importing.counted():
        with importing.counted():
            pass
        assert importing.is_under_way
        assert not ends
    assert ends == [False]
    assert importing.lasted == 0


def test_what_a_host_uses_is_forgotten_when_its_load_has_ended() -> None:
    importing = Importing()
    with importing.host():
        importing.uses["/repo.py"] = None
        with importing.counted():
            pass
        assert importing.uses
    assert not importing.uses
    assert not importing.is_under_way


@pytest.mark.parametrize("role", ["evaluator", "run"])
async def test_what_loads_the_code_itself_counts_until_it_has_done_so(role: str) -> None:
    importing = Importing()
    async with script() as forkserver:
        starter = Spawn(lambda: forkserver.forker, LoadOrder({}, "python", []), None, importing)
        starting = asyncio.create_task(starter.start(role))
        theirs = await forkserver.confirm(role, NOBODY)
        assert await theirs.hear()
        assert importing.is_under_way
        theirs.send(LoadedAgain())
        child = await soon(starting)
        assert not importing.is_under_way
        theirs.close()
        child.close()
