"""The end of a process in words."""

from __future__ import annotations

import signal

from codeserver.supervisor.processes.oom import OomKills

_oom_kills = OomKills()


def explain_exit(code: int | None) -> str:
    """The end of a process as a predicate, such as `was killed by signal 11 (SIGSEGV)`.

    Args:
        code: the exit code; negative for a signal, None if it is not known.
    """
    if code is None:
        return "ended, and nobody saw how"
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"was killed by signal {-code}"
    reason = ": out of memory" if ran_out_of_memory(code) else ""
    return f"was killed by signal {-code} ({name}){reason}"


def note_out_of_memory() -> None:
    """Update the count of kills by the kernel, so that old ones are not taken for new ones."""
    _oom_kills.happened_lately()


def ran_out_of_memory(code: int | None) -> bool:
    """Whether the kernel has just killed the process because memory ran out."""
    return code == -signal.SIGKILL and _oom_kills.happened_lately()
