"""Dozens of reloads: nothing is lost, and nothing is left."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.process.conftest import Start
from tests.process.editing import (
    BROKEN,
    CODE,
    WATCHED,
    WAYS,
    edition,
    ended_loads,
    replace,
    says,
    shows,
)
from tests.process.serving import Server
from tests.support.eventually import eventually
from tests.support.portable import needs_linux

LOADS = 60
GROWTH = 12 * 2**20  # bytes; what one more load would keep, 50 times, is far beyond it


def memory(server: Server) -> int:
    """What the front and the processes that hosts are forked from have for themselves."""
    pids = [
        server.front.pid,
        *(p.pid for r in ("forkserver", "template") for p in server.processes(r)),
    ]
    return sum(psutil.Process(pid).memory_full_info().uss for pid in pids)


def files(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.front.pid}/fd"))


def at_rest(server: Server) -> None:
    """Only what serves is there."""
    names = ["codeserver fork", "codeserver host", "codeserver temp"]

    def found() -> list[str]:
        children = psutil.Process(server.front.pid).children(recursive=True)
        # Evaluators come and go, and a zombie would count.
        return sorted(c.name() for c in children if "eval" not in c.name() or is_zombie(c))

    eventually(lambda: found() == names, what="a forkserver, a template and a host")


def is_zombie(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_ZOMBIE


@needs_linux("no template elsewhere")
@pytest.mark.timeout(1200)
def test_dozens_of_reloads(start: Start, work: Path) -> None:
    """Random content, saved in every way, at times broken, often before the last load has ended."""
    file = work / "served.py"
    replace(file, CODE)
    server = start(*WATCHED, "--on-reload-error", "keep", "--log-level", "error")
    shows(server, "first")
    dice = random.Random(4)
    number = 0

    def burst() -> None:
        """Some edits in a row; the last one is served."""
        nonlocal number
        for _ in range(dice.randrange(4)):
            save: Callable[[Path, str], None] = dice.choice(WAYS)
            save(file, BROKEN if dice.random() < 0.2 else edition(f"lost {dice.random()}"))
        number += 1
        dice.choice(WAYS)(file, edition(f"edition {number}" + " " * dice.randrange(50)))
        eventually(
            lambda: says(server).rstrip() == f"edition {number}",
            every=0.05,
            what=f"edition {number}",
        )

    while ended_loads(server) < LOADS // 5:
        burst()
    at_rest(server)
    before, open_files = memory(server), files(server)
    while ended_loads(server) < LOADS:
        burst()
    at_rest(server)
    eventually(lambda: memory(server) - before < GROWTH, what="the memory of before")
    # An evaluator that is just being replaced has some, too.
    eventually(lambda: abs(files(server) - open_files) <= 3, what="as many files as before")
    assert says(server).rstrip() == f"edition {number}"
