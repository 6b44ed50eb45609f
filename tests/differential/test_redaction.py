"""Errors whose text an operator keeps from clients (`DAGSTER_REDACT_USER_CODE_ERRORS`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential import calls
from tests.differential.sides import STOCK_AGAINST_STOCK, Pair, serving
from tests.support.eventually import eventually

SECRET = "the password is swordfish"
CODE = f"""
import sys
import dagster as dg

SECRET = {SECRET!r}

@dg.job
def nothing(): ...

@dg.sensor(job=nothing)
def fails():
    raise ValueError(SECRET)

@dg.sensor(job=nothing)
def exits():
    print(SECRET, file=sys.stderr)
    sys.exit(SECRET)

@dg.sensor(job=nothing)
def dies():
    import os
    os.write(2, SECRET.encode() + bytes([10]))
    os._exit(1)

@dg.schedule(job=nothing, cron_schedule="* * * * *")
def fails_too():
    raise ValueError(SECRET)

defs = dg.Definitions(jobs=[nothing], sensors=[fails, exits, dies], schedules=[fails_too])
"""
REDACTED = {"DAGSTER_REDACT_USER_CODE_ERRORS": "1"}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    (work / "repo.py").write_text(CODE)
    with serving(["-f", "repo.py"], work, cwd=work, env=REDACTED) as made:
        yield made


@pytest.mark.parametrize("call", [calls.sensor("fails"), calls.schedule("fails_too")])
def test_ticks(pair: Pair, call: calls.Call) -> None:
    stock, ours = (_ID.sub("ID", str(call.make(side))) for side in pair)
    assert stock == ours
    assert SECRET not in ours
    assert "The error has been masked to prevent leaking sensitive information." in ours


def test_loads(work: Path) -> None:
    folder = work / "bad"
    folder.mkdir()
    (folder / "bad.py").write_text(f"def load(): raise ValueError({SECRET!r})\nload()\n")
    with serving(["-f", "bad.py"], folder, cwd=folder, env=REDACTED) as pair:
        stock, ours = (_ID.sub("ID", str(calls.list_repositories().make(side))) for side in pair)
        eventually(lambda: SECRET in pair.ours.server.text)
    assert stock == ours
    assert SECRET not in ours
    assert "masked" in ours


@pytest.mark.skipif(STOCK_AGAINST_STOCK, reason="stock ends with such a tick")
@pytest.mark.parametrize("sensor", ["exits", "dies"])
def test_ticks_that_end_their_process(pair: Pair, sensor: str) -> None:
    """Stock does not answer these at all."""
    reply = str(calls.sensor(sensor).make(pair.ours))
    assert "raised SystemExit" in reply or "exited with code 1" in reply, reply
    assert SECRET not in reply
    eventually(lambda: SECRET in pair.ours.server.text)
