"""SIGTERM, as from Kubernetes, while a tick hangs."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from bench.calls import attempt
from bench.faults.results import Result
from bench.faults.server import Server
from bench.processes import is_alive
from bench.wording import seconds, shorten

_TICK_SECONDS = 60
_BEGIN_SECONDS = 10.0
_LIMIT = 60.0
_BUSY_SECONDS = 5.0


def measure(server: Server) -> Result:
    """SIGTERM to the server's process while a tick hangs that may take 60 s.

    The seconds are those from the signal until the process has exited, at most 60 s, and until the
    caller of the tick has got its answer. Kubernetes kills after 30 s. What is left are processes
    of the server that still run one second after it has exited. From 5 s on, other measurements
    may go on at the same time.
    """
    marks = server.folder / "hung"
    marks.mkdir()
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(
            attempt, lambda: server.calls.tick("hangs", str(marks), seconds=_TICK_SECONDS)
        )
        _wait_for_begin(server)
        family = server.processes
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = _exit_code(server, _BUSY_SECONDS)
        server.turn.give_up()
        code = _exit_code(server, _LIMIT - _BUSY_SECONDS)
        took = time.monotonic() - began
        time.sleep(1)
        left = [process for process in family if is_alive(process)]
        tick = future.result()
    leftover = "" if code is None else str(len(left))
    exited = (
        f"exits after {seconds(took)}" if code is not None else f"still runs after {took:.0f} s"
    )
    how = "" if code is None else f", {_exit(code)}"
    return Result(
        summary=exited + how + (f"; {len(left)} processes left" if left and how else ""),
        details={
            "the server": exited + how,
            "the hung tick's caller gets": shorten(str(tick)),
            "processes left": leftover,
        },
        numbers={
            "seconds": took if code is not None else None,
            "exit_code": code,
            "tick": str(tick),
            "tick_seconds": tick.seconds,
            "processes_left": len(left) if code is not None else None,
        },
    )


def _wait_for_begin(server: Server) -> None:
    end = time.monotonic() + _BEGIN_SECONDS
    while not any((server.folder / "hung").iterdir()):
        if time.monotonic() > end:
            raise RuntimeError("the tick has not begun")
        time.sleep(0.01)
    time.sleep(0.5)


def _exit_code(server: Server, limit: float) -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return server.process.wait(limit)
    return None


def _exit(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
