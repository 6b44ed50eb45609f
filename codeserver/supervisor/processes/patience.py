"""Time limits for processes, in seconds."""

from __future__ import annotations

END_GRACE = 2.0
"""Between SIGTERM and SIGKILL of a worker, for its `finally` blocks."""

RUN_GRACE = 5.0
"""The same for a run, whose resources close connections, and for the record of its end."""

FORKSERVER_GRACE = 5.0
"""For the forkserver to end with everything that it has forked, but runs."""

CLOSE = 10.0
"""For all generations to end, before the forkserver ends and they end with it."""

LEAVE = 5.0
"""For an evaluator to end by itself, with threads that user code has started in it."""

OBEDIENCE = 2.0
"""For a parent to carry out an order. One that was stopped never does."""

LAST_WORD = 0.1
"""For native code to be interrupted and print its stack, before it is killed."""

DEATH = 1.0
"""For a killed evaluator to be gone, before its slot is given to another."""

EXIT_REPORT = 0.5
"""Between the last message of an evaluator and the report of its end."""
