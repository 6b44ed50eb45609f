"""What real processes print: they are never held up, and neither is who reads it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from codeserver.supervisor.processes.output import Output, Outputs
from tests.unit.test_output import lines, losses
from tests.unit.waiting import DEADLINE, soon, until

FLOOD = """
import os
line = b"%s" % (b"x" * 79) + b"\\n"
block = line * 800
for _ in range(820):
    os.write(FD, block)
os.write(2, b"the last\\nwords\\n")
"""
"""50 MB, which is far more than what a pipe holds and than what is logged."""


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "codeserver.output")
    return caplog


@contextlib.contextmanager
def running(program: str) -> Iterator[tuple[subprocess.Popen[bytes], Output]]:
    """A real process; its standard input ends at the end."""
    stdout, out = os.pipe()
    stderr, err = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", program], stdin=subprocess.PIPE, stdout=out, stderr=err
    )
    os.close(out)
    os.close(err)
    outputs = Outputs()
    try:
        yield process, outputs.open("sensor nightly", stdout, stderr)
    finally:
        outputs.close()
        assert process.stdin
        process.stdin.close()
        process.kill()
        process.wait()


@pytest.mark.parametrize("stream", [1, 2])
async def test_a_flood_does_not_block_who_prints(
    log: pytest.LogCaptureFixture, stream: int
) -> None:
    """A real process prints 50 MB, and ends; what is logged of it is little, and said to be."""
    with running(FLOOD.replace("FD", str(stream))) as (process, output):
        output.budget.per_second = 0.0  # or a slow machine would log all of it
        assert await soon(asyncio.to_thread(process.wait, DEADLINE)) == 0
        assert output.last_words().splitlines()[-2:] == ["the last", "words"]
        await until(lambda: not output.is_open)
    logged = sum(len(line) + 1 for line in lines(log))
    dropped = sum(int(text.split()[0]) for text in losses(log))
    assert logged < 1_000_000
    # A line that is broken by what is dropped may be counted as either.
    assert logged + dropped == pytest.approx(820 * 800 * 80, rel=0.01)
    assert losses(log)[0].endswith(
        "bytes of output were dropped: more than 10000 lines at once and 0 a second"
    )


HOLDER = "import os, sys; os.fork() and os._exit(0); os.write(2, b'x'); sys.stdin.read()"


async def test_a_descendant_that_holds_the_streams() -> None:
    """The process has ended, its streams have not: what is asked then is answered all the same."""
    with running(HOLDER) as (process, output):
        assert await soon(asyncio.to_thread(process.wait, DEADLINE)) == 0
        await until(lambda: output.last_words() == "x")
        assert output.is_open
    assert not output.is_open


ENDLESS = "import os\nwhile True: os.write(2, (b'x' * 79 + b'\\n') * 800)"


async def test_a_process_that_never_stops_printing() -> None:
    """It always has more to say, and nobody waits for the end of that."""
    with running(ENDLESS) as (_, output):
        await until(lambda: "x" in output.last_words())
        output.drain()
        output.begin("sensor hourly")
        output.close()
        assert not output.is_open
