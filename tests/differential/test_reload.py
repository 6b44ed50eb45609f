"""ReloadCode, against `dagster code-server start`: for `dagster api grpc` it does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential import calls
from tests.differential.calls import Call, fields
from tests.differential.cases import Case, check
from tests.differential.sides import CODE_SERVER_START, Pair, Side, serving

CODE = """
import dagster as dg

@dg.op
def work(): ...

@dg.graph
def graph():
    work()

defs = dg.Definitions(jobs=[graph.to_job(name) for name in {names}])
"""
BROKEN = "import dagster as dg\n\ndefs = dg.Definitions(jobs=[1 / 0])\n"


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    (work / "made.py").write_text(CODE.format(names=["first"]))
    with serving(["-f", "made.py"], work, reference=CODE_SERVER_START, cwd=work) as both:
        yield both


def _reload(side: Side, code: str) -> object:
    (side.home.parent / "made.py").write_text(code)
    return fields(side.client.reload_code(timeout=calls.TIMEOUT))


def _jobs(side: Side) -> list[str]:
    repository = calls.repository(defer_snapshots=True).make(side)
    return [ref.name for ref in repository.job_refs]


# One after the other: each begins with what the one before has left.


def _new_job(side: Side) -> object:
    before = side.client.get_server_id()
    reply = _reload(side, CODE.format(names=["first", "second"]))
    return {
        "reply": reply,
        "jobs": _jobs(side),
        "job": calls.job("second").make(side),
        "id_changed": side.client.get_server_id() != before,
    }


def _same_again(side: Side) -> object:
    code = CODE.format(names=["first", "second"])
    before = side.client.get_server_id()
    return {"reply": _reload(side, code), "id_changed": side.client.get_server_id() != before}


def _broken(side: Side) -> object:
    before = calls.list_repositories().make(side)
    reply = _reload(side, BROKEN)
    return {"reply": reply, "before": before, "after": calls.list_repositories().make(side)}


def _repaired(side: Side) -> object:
    before = side.client.get_server_id()
    reply = _reload(side, CODE.format(names=["repaired"]))
    return {
        "reply": reply,
        "jobs": _jobs(side),
        "id_changed": side.client.get_server_id() != before,
    }


CASES = [
    Case("new job", Call("ReloadCode", _new_job), expect='["first", "second"]'),
    Case(
        "nothing changed",
        Call("ReloadCode", _same_again),
        expect='"id_changed": true',
        difference="id from content",
    ),
    Case(
        "broken",
        Call("ReloadCode", _broken),
        expect="ZeroDivisionError",
        difference="failed reload keeps",
    ),
    Case("repaired", Call("ReloadCode", _repaired), expect='["repaired"]'),
]


def test_reload(pair: Pair) -> None:
    for case in CASES:
        check(case, pair)
