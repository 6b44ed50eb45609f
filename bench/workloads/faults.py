"""Faults: effects of user code that hangs, crashes or takes resources."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.attempts import Answers, Attempt, Probe, asked, running
from bench.client import SHORT_SECONDS, TICK_SECONDS
from bench.measurement import Measurement
from bench.processes import is_alive, name_of, threads
from bench.resources import memory_of, rest
from bench.results import Unit
from bench.servers import API, CODE_SERVER, Server
from bench.subjects import EXAMPLE
from bench.tables import in_unit
from bench.workloads.shutdown import stop

SUBJECTS = (EXAMPLE,)

_WARM_CALLS = 20
_HUNG = 40
_HUNG_SECONDS = 9
_BUSY_SECONDS = "3"
_EXIT_SECONDS = 60
_UNREAD_SECONDS = 10
_LEAST_SECONDS = 3.0
_GONE_SECONDS = 3.0
_PAUSE_SECONDS = 0.02
_LATER_PAUSE_SECONDS = 0.5
_RECOVERY_SECONDS = 40
_CALLS_AFTERWARDS = 10


def measure(it: Measurement) -> None:
    """The effects of user code that hangs, crashes or takes resources.

    One server runs at a time, and a new one for each fault. Some calls warm it up. Every call opens
    a new channel. GetServerId, ListRepositories and the ticks of a sensor that skips at once have a
    limit of 2 s. A p99 covers only answered calls. Without an answer there is none.

    Hanging: 40 ticks of a sensor that never returns are requested at once, each with a limit of 9
    s. Two seconds later, for 4 s, GetServerId is called 20 times a second, ListRepositories 5 times
    and a sensor that skips at once 2 times ("while 40 ticks hang"). Four seconds after all callers
    of the hanging ticks have given up, the same calls follow for 4 s ("after 40 hung ticks"). A
    thread hangs for good if it exists at the very end.

    CPU: four ticks at once use 3 s of CPU each, in pure Python. Meanwhile, GetServerId is called 20
    times a second.

    Crashing: a tick reads the memory at address 0, or calls `os._exit(1)`, or the process with the
    user's code is killed. That process is the host of codeserver, the child of `dagster code-server
    start`, or the whole server of `dagster api grpc`. Then the healthy sensor is ticked until a
    tick works. The time is from the failure of the first tick to the reply of that tick. There is
    none if no tick works for 40 s, or if the server's process has ended 3 s ago, because only its
    owner can start it again. Meanwhile, and for at least 3 s, GetServerId is called 20 times and
    the health check 4 times a second. Then GetServerId and the healthy sensor are called 10 times
    more each.

    SIGTERM is sent during a tick that may take 60 s. Kubernetes kills after 30 s. The file gets a
    syntax error and is repaired, with ReloadCode after each change. One tick makes 1.5 million byte
    strings of 1 kB and returns, and another keeps them. The figure is the growth of the memory of
    all processes of the server after 5 s. The last tick prints a million lines of 100 bytes, while
    the output of the server is not read for 10 s, as with a paused terminal.
    """
    for event, harm in _FAULTS.items():
        for kind in it.kinds:
            with it.serving([kind]) as servers:
                for server in servers:
                    with it.tolerated(server, event):
                        _warm_up(server)
                        it.note(event, server, harm(it, server))


def _warm_up(server: Server) -> None:
    for _ in range(_WARM_CALLS):
        server.client.server_id()
        server.client.health()
        server.client.list_repositories()
        server.client.tick("quick")
    rest([server])


def _tick(server: Server, sensor: str, cursor: str = "", seconds: int = TICK_SECONDS) -> Attempt:
    return asked(lambda: server.client.tick(sensor, cursor, seconds=seconds))


def _healthy(server: Server) -> Attempt:
    """A harmless tick, with the same limit as GetServerId."""
    return _tick(server, "quick", seconds=SHORT_SECONDS)


def _hang(it: Measurement, server: Server) -> str:
    marks = server.folder / "hung"
    marks.mkdir()
    before = len(server.processes)
    seconds = it.times(4, quick=1)
    with threads(_HUNG) as pool:
        for _ in range(_HUNG):
            pool.submit(_tick, server, "hangs", str(marks), _HUNG_SECONDS)
        time.sleep(2)
        during = _ask(it, server, "while 40 ticks hang", seconds)
    time.sleep(4)
    afterwards = _ask(it, server, "after 40 hung ticks", seconds)
    tick = _tick(server, "quick", seconds=10)
    places = (each.name.split("-") for each in marks.iterdir())
    hanging = sum(Path(f"/proc/{pid}/task/{thread}").exists() for pid, thread in places)
    works = "fails" if tick.error else f"works, {_in_words(tick.seconds)}"
    return (
        f"GetServerId {during + afterwards}; healthy tick afterwards {works}; {hanging} threads "
        f"hang for good, processes {before} → {len(server.processes)}"
    )


def _ask(it: Measurement, server: Server, when: str, seconds: int) -> Answers:
    ids = Probe(server.client.server_id, 20)
    listings = Probe(server.client.list_repositories, 5)
    ticks = Probe(partial(server.client.tick, "quick", seconds=SHORT_SECONDS), 2)
    with running(ids, listings, ticks):
        time.sleep(seconds)
    if ids.answers.seconds:
        it.add(f"GetServerId, p99, {when}", server.key, Unit.SECONDS, ids.answers.p99)
    _note_share(it, server, f"GetServerId calls answered {when}", ids.answers)
    _note_share(it, server, f"ListRepositories calls answered {when}", listings.answers)
    _note_share(it, server, f"ticks of another sensor answered {when}", ticks.answers)
    return ids.answers


def _note_share(it: Measurement, server: Server, name: str, answers: Answers) -> None:
    it.add(name, server.key, Unit.SHARE, answers.percent, more_is_better=True)


def _burn(_: Measurement, server: Server) -> str:
    began = time.monotonic()
    ids = Probe(server.client.server_id, 20)
    with running(ids), threads(4) as pool:
        ticks = list(pool.map(lambda _: _tick(server, "busy", _BUSY_SECONDS), range(4)))
    took = _in_words(time.monotonic() - began)
    failed = sum(tick.error is not None for tick in ticks)
    return f"GetServerId {ids.answers}; ticks done after {took}, {failed} of them with an error"


def _crash(it: Measurement, server: Server, name: str, sensor: str) -> str:
    return _recovery(it, server, name, lambda: _tick(server, sensor))


def _kill(it: Measurement, server: Server) -> str:
    victim = _code_process(server)

    def kill() -> None:
        victim.kill()
        while is_alive(victim):
            time.sleep(0.001)

    return _recovery(it, server, "a kill", kill)


def _code_process(server: Server) -> psutil.Process:
    """The process that has loaded the user's code, and evaluates it or forks evaluators."""
    main, *children = server.processes
    if server.key == API.key:
        return main
    if server.key == CODE_SERVER.key:
        (found,) = (child for child in children if "api" in child.cmdline())
    else:
        (found,) = (child for child in children if name_of(child) == "codeserver host")
    return found


def _recovery(it: Measurement, server: Server, name: str, fault: Callable[[], object]) -> str:
    """Inject a fault of this name into a server, and describe its recovery in words."""
    health, ids = Probe(server.client.health, 4), Probe(server.client.server_id, 20)
    with running(health):
        with running(ids):
            fault()
            works, waited = _wait_for_a_tick(server, it.times(_RECOVERY_SECONDS, quick=4))
            time.sleep(max(0.0, _LEAST_SECONDS - waited))
        code = server.exit_code
    if works:
        it.add(f"time from {name} to a working tick", server.key, Unit.SECONDS, waited)
    calls = range(it.times(_CALLS_AFTERWARDS, quick=2))
    later = Answers.of(asked(server.client.server_id) for _ in calls)
    _note_share(it, server, f"GetServerId calls answered after {name}", later)
    ticks = Answers.of(_healthy(server) for _ in calls)
    _note_share(it, server, f"ticks of another sensor answered after {name}", ticks)
    texts = {str(each) for each in health.attempts}
    said = {"unreachable" if "UNAVAILABLE" in text else text for text in texts}
    if works:
        found = f"next tick works after {_in_words(waited)}; GetServerId {ids.answers}"
    elif code is not None:
        found = f"server is gone: {_exit_in_words(code)}"
    else:
        found = f"no tick works for {waited:.0f} s; GetServerId {ids.answers}"
    return f"{found}; health {', then '.join(sorted(said))}"


def _wait_for_a_tick(server: Server, limit: float) -> tuple[bool, float]:
    """Wait for a working tick, for only three seconds if the server's process has exited.

    Returns:
        Whether a tick works, and the seconds until then.
    """
    began = time.monotonic()
    while True:
        works = _healthy(server).error is None
        waited = time.monotonic() - began
        is_gone = server.exit_code is not None and waited > _GONE_SECONDS
        if works or is_gone or waited > limit:
            return works, waited
        time.sleep(_PAUSE_SECONDS if waited < _GONE_SECONDS else _LATER_PAUSE_SECONDS)


def _terminate(it: Measurement, server: Server) -> str:
    marks, limit = server.folder / "hung", it.times(_EXIT_SECONDS, quick=3)
    marks.mkdir()
    with threads(1) as pool:
        pool.submit(_tick, server, "hangs", str(marks), _EXIT_SECONDS)
        server.wait_until(lambda: any(marks.iterdir()))
        time.sleep(0.5)
        ended = stop(server, limit)
        if ended is None:
            server.close()  # otherwise the block would wait for the caller of the tick
            return f"still runs after {limit} s"
    took, left = ended
    more = f"; {left} processes left" if left else ""
    return f"exits after {_in_words(took)}, {_exit_in_words(server.process.returncode)}{more}"


def _reload(_: Measurement, server: Server) -> str:
    good = server.code.read_text("utf-8")
    server.code.write_text(good + "\n\ndef broken(:\n", "utf-8")
    failed = asked(server.client.reload)
    tick = _tick(server, "quick")
    server.code.write_text(good.replace("VERSION = 1", "VERSION = 22"), "utf-8")
    asked(server.client.reload)
    is_repaired = _tick(server, "quick").answer == "version 22"
    if failed.error is None and tick.error is None and not is_repaired:
        return "cannot reload: reports success, serves the old code until a restart"
    reply = "carries the error" if failed.error else "reports success"
    ticks = "work on" if tick.error is None else "fail"
    repaired = "works again" if is_repaired else "does not work"
    return f"reply {reply}; ticks {ticks}; repaired: {repaired}"


def _growth(_: Measurement, server: Server, sensor: str) -> str:
    before = memory_of(server.processes)
    _tick(server, sensor)
    time.sleep(5)
    grown = memory_of(server.processes) - before
    tick = _tick(server, "quick")
    return f"memory {grown / 1e6:+.0f} MB 5 s later{'; next tick fails' if tick.error else ''}"


def _flood(it: Measurement, server: Server) -> str:
    ids = Probe(server.client.server_id, 20)
    printed = server.output.size
    with threads(1) as pool:
        with server.output.paused(), running(ids):
            future = pool.submit(_tick, server, "floods")
            time.sleep(it.times(_UNREAD_SECONDS, quick=3))
            is_done = future.done()
        tick = future.result()
    time.sleep(1)
    arrived = (server.output.size - printed) / 1e6
    took = _in_words(tick.seconds)
    done = f"done after {took}" if is_done else f"hangs until the output is read ({took})"
    done = done if tick.error is None else f"fails after {took}"
    return f"GetServerId {ids.answers}; tick {done}; {arrived:.0f} MB of the output arrives"


def _in_words(seconds: float) -> str:
    return in_unit(seconds, Unit.SECONDS)


def _exit_in_words(code: int) -> str:
    """The exit code of a process, negative for a signal."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


_FAULTS: dict[str, Callable[[Measurement, Server], str]] = {
    "40 ticks that hang": _hang,
    "4 ticks that use 3 s of CPU each": _burn,
    "a segfault in a tick": partial(_crash, name="a segfault", sensor="segfaults"),
    "`os._exit(1)` in a tick": partial(_crash, name="an exit", sensor="exits"),
    "`kill -9` of the process with the user's code": _kill,
    "SIGTERM while a tick hangs": _terminate,
    "a reload that fails": _reload,
    "a tick that takes 1.5 GB": partial(_growth, sensor="hogs"),
    "a tick that leaks 1.5 GB": partial(_growth, sensor="leaks"),
    "a tick that prints 100 MB while its output is not read": _flood,
}
"""The faults, in the order of the page."""
