"""How much memory an evaluator may take, and what is said when it wants more.

Each case is a process of its own, because a limit cannot be had for a part of one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import codeserver
from tests.support.portable import needs_linux

PREFIX = """
import resource
from codeserver.worker.process import limits

def take(mebibytes):
    try:
        return b"x" * (mebibytes << 20)
    except MemoryError as error:
        return error

limits.limit_memory({limit})
"""

pytestmark = needs_linux("the limit needs Linux")


def run(program: str, limit: int = 20 << 20, before: str = "") -> list[str]:
    """The lines that the program prints under this limit."""
    env = {**os.environ, "PYTHONPATH": str(Path(codeserver.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", before + PREFIX.format(limit=limit) + program],
        check=False,
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_is_within_the_limit_is_had_and_no_more() -> None:
    program = "print([type(take(size)).__name__ for size in (1, 10, 18, 22, 200, 10)])"
    assert run(program) == [str(["bytes"] * 3 + ["MemoryError"] * 2 + ["bytes"])]


def test_what_there_was_before_does_not_count() -> None:
    """The loaded code, which every evaluator shares, may be larger than the limit."""
    before = "kept = b'y' * (60 << 20)\n"
    program = "print(type(take(18)).__name__, type(take(22)).__name__)"
    assert run(program, before=before) == ["bytes MemoryError"]


def test_memory_that_is_kept_counts() -> None:
    program = "kept = take(12); print(type(take(12)).__name__); del kept; print(len(take(12)))"
    assert run(program) == ["MemoryError", str(12 << 20)]


def test_the_explanation() -> None:
    assert run("print(limits.explanation())") == [
        "It needs more than the 20 MiB of memory that --worker-memory-limit leaves to one "
        "evaluator."
    ]
    assert " 0.5 MiB " in run("print(limits.explanation())", 1 << 19)[0]


def test_without_a_limit_there_is_none() -> None:
    """Then it is the machine's memory, about which the operator has said nothing."""
    program = (
        "limits._limit = None\n"
        "before = resource.getrlimit(resource.RLIMIT_DATA)\n"
        "limits.lift()\n"
        "limits.impose()\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA) == before, limits.explanation())\n"
    )
    assert run(program) == ["True None"]


def test_the_limit_is_lifted_for_a_while() -> None:
    """To speak about it; what is taken meanwhile counts when it holds again."""
    program = (
        "limits.lift()\n"
        "kept = take(40)\n"
        "limits.impose()\n"
        "print(len(kept) >> 20, type(take(10)).__name__)\n"
        "del kept\n"
        "print(type(take(10)).__name__, type(take(22)).__name__)\n"
    )
    assert run(program) == ["40 MemoryError", "bytes MemoryError"]


def test_an_operators_limit_that_is_lower_holds() -> None:
    """As `ulimit -d` sets it."""
    before = "import resource\nresource.setrlimit(resource.RLIMIT_DATA, (150 << 20, 150 << 20))\n"
    program = (
        "print(resource.getrlimit(resource.RLIMIT_DATA)[1] >> 20)\n"
        "print(type(take(200)).__name__)\n"
        "limits.lift()\n"
        "print(type(take(200)).__name__)\n"
    )
    assert run(program, limit=1 << 40, before=before) == ["150", "MemoryError", "MemoryError"]


def test_the_resident_size() -> None:
    program = (
        "from codeserver.system.memory import resident_size\n"
        "before = resident_size()\n"
        "kept = take(15)\n"
        "print(before > 1 << 20, 13 << 20 < resident_size() - before < 17 << 20)\n"
    )
    assert run(program) == ["True True"]


def test_a_process_that_keeps_half_of_it_is_worn() -> None:
    program = """
from codeserver.worker.process.wear import Wear
wear = Wear(0)
kept = take(8)
print(wear.reason())
more = take(8)
print(wear.reason())
del kept, more
print(wear.reason())
"""
    worn = "it keeps half of the memory that --worker-memory-limit leaves to it"
    assert run(program) == ["None", worn, "None"]
