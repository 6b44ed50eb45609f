"""A reload of code that does not load."""

from __future__ import annotations

from bench.calls import Attempt, attempt
from bench.faults.results import Result
from bench.faults.server import Server
from bench.wording import seconds, shorten

_BROKEN = "\n\ndef broken(:\n"


def measure(server: Server) -> Result:
    """ReloadCode of a file with a syntax error, then of the repaired file.

    After each, ListRepositories (limit 2 s) and a tick of the healthy sensor (limit 10 s). The
    repaired file has another VERSION, which the sensor says: only then it is the new code.
    """
    good = server.code.read_text()
    server.code.write_text(good + _BROKEN)
    failed = attempt(server.calls.reload)
    listing = attempt(server.calls.list_repositories)
    tick = attempt(lambda: server.calls.tick("healthy"))
    server.code.write_text(good.replace("VERSION = 1", "VERSION = 22"))
    repaired = attempt(server.calls.reload)
    listing_after = attempt(server.calls.list_repositories)
    tick_after = attempt(lambda: server.calls.tick("healthy"))
    reloads = tick_after.answer == "version 22"
    return Result(
        summary=_summary(failed, tick, reloads),
        details={
            "the reply": _reply(failed),
            "ListRepositories then": _short(listing),
            "healthy tick then": _short(tick),
            "the reply, repaired": _reply(repaired),
            "ListRepositories, repaired": _short(listing_after),
            "healthy tick, repaired": _short(tick_after)
            + (" (the new code)" if reloads else " (not the new code)"),
        },
        numbers={
            name: {"seconds": each.seconds, "answer": each.answer, "error": each.error}
            for name, each in {
                "reload": failed,
                "list_repositories": listing,
                "tick": tick,
                "repaired_reload": repaired,
                "repaired_list_repositories": listing_after,
                "repaired_tick": tick_after,
            }.items()
        },
    )


def _summary(failed: Attempt, tick: Attempt, reloads: bool) -> str:
    if failed.error is None and tick.error is None and not reloads:
        return "cannot reload: says success, serves the old code until it is restarted"
    reply = "carries the error" if failed.error else "says success"
    ticks = "work on" if tick.error is None else "fail"
    after = "works again" if reloads else "does not work"
    return f"reply {reply}; ticks {ticks}; repaired: {after}"


def _reply(reload: Attempt) -> str:
    return f"{_short(reload)}, after {seconds(reload.seconds)}"


def _short(call: Attempt) -> str:
    return shorten(str(call) if call.error is None else f"error: {call.error}", 110)
