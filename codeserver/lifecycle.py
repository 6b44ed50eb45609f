"""The states of a code location, as one table. Pure: no I/O, no clock, no processes.

::

    LOADING --loaded--> READY --reload--> RELOADING --loaded--> READY
       |                  ^                ^  |  |
       |                  +------kept------|--+  |   (the generation before is served on)
       +--failed--> FAILED ----reload------+     |
       +--restored--> RELOADING                  |   (what a file says of the code is served)
                      ^                          |
                      +---------failed-----------+   (the error is what clients are shown)
    RELOADING --lost--> LOST --loaded--> READY    (tried again until it loads, or fails in
                                 +----failed--> FAILED    a way that clients are shown)
    any --drain--> DRAINING --stopped--> STOPPED
"""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """What a code location is doing."""

    LOADING = "loading"
    """The first load: there is nothing to serve yet."""
    READY = "ready"
    """A generation is served."""
    RELOADING = "reloading"
    """A generation, a snapshot or the error of a failed load is served while code is loaded."""
    FAILED = "failed"
    """The last load failed; clients are shown its error."""
    LOST = "lost"
    """The process with the code has died, or was ended when it was idle, and the code could not be
    loaded again; that is tried again, and what needs no user code is answered meanwhile."""
    DRAINING = "draining"
    """Shutting down: no new runs, everything else is still answered."""
    STOPPED = "stopped"
    """Nothing is answered any more."""


class Event(str, Enum):
    """What can happen to a code location."""

    RESTORED = "restored"
    LOADED = "loaded"
    FAILED = "failed"
    KEPT = "kept"
    LOST = "lost"
    RELOAD = "reload"
    DRAIN = "drain"
    STOPPED = "stopped"


_TABLE: dict[tuple[State, Event], State] = {
    (State.LOADING, Event.RESTORED): State.RELOADING,
    (State.LOADING, Event.LOADED): State.READY,
    (State.LOADING, Event.FAILED): State.FAILED,
    (State.READY, Event.RELOAD): State.RELOADING,
    (State.RELOADING, Event.LOADED): State.READY,
    (State.RELOADING, Event.FAILED): State.FAILED,
    (State.RELOADING, Event.KEPT): State.READY,
    (State.FAILED, Event.RELOAD): State.RELOADING,
    (State.RELOADING, Event.LOST): State.LOST,
    # Health must not flap while it is tried again.
    (State.LOST, Event.RELOAD): State.LOST,
    (State.LOST, Event.LOST): State.LOST,
    (State.LOST, Event.LOADED): State.READY,
    (State.LOST, Event.FAILED): State.FAILED,
    (State.DRAINING, Event.DRAIN): State.DRAINING,
    (State.DRAINING, Event.STOPPED): State.STOPPED,
    **{
        (state, Event.DRAIN): State.DRAINING
        for state in (State.LOADING, State.READY, State.RELOADING, State.FAILED, State.LOST)
    },
}


class InvalidTransition(RuntimeError):
    """The event cannot happen in this state; a defect of the caller."""


def after(state: State, event: Event) -> State:
    """The state that follows `state` when `event` happens.

    Raises:
        InvalidTransition: the table has no such transition.
    """
    try:
        return _TABLE[state, event]
    except KeyError:
        raise InvalidTransition(f"{event.value} cannot happen while {state.value}") from None


def is_serving(state: State) -> bool:
    """Whether health checks are told SERVING.

    A location that failed to load serves: what it serves is the user's traceback, and taking it
    out of rotation would hide exactly that.
    """
    return state in (State.READY, State.RELOADING, State.FAILED)
