"""How a process ended, in words."""

from __future__ import annotations

import signal


def explain_exit(code: int | None) -> str:
    """A predicate such as `was killed by signal 11 (SIGSEGV)`.

    Args:
        code: the exit code, negative for a signal, None when nobody saw the process end.
    """
    if code is None:
        return "ended, and nobody saw how"
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        return f"was killed by signal {-code}"
    hint = ", as the kernel does when memory runs out" if name == "SIGKILL" else ""
    return f"was killed by signal {-code} ({name}){hint}"
