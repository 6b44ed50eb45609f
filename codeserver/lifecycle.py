"""The states of a code location, as one table. Pure: no I/O, no clock, no processes."""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """What a code location is doing."""

    LOADING = "loading"
    """The first load: there is nothing to serve yet."""
    READY = "ready"
    """A generation is served."""
    UNLOADED = "unloaded"
    """A generation is served, and the process with its code was ended because nothing needed it."""
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
    """A file has described the code, before the first load."""
    LOAD = "load"
    """A load begins."""
    LOADED = "loaded"
    FAILED = "failed"
    """The load has failed, and its error is shown."""
    KEPT = "kept"
    """The load has failed, and the generation before is served on."""
    LOST = "lost"
    """The load has failed, and the process with the code before is gone, too."""
    UNLOAD = "unload"
    """The process with the code is ended."""
    DRAIN = "drain"
    STOPPED = "stopped"


_TABLE: dict[tuple[State, Event], State] = {
    (State.LOADING, Event.RESTORED): State.RELOADING,
    (State.LOADING, Event.LOAD): State.LOADING,
    (State.LOADING, Event.LOADED): State.READY,
    (State.LOADING, Event.FAILED): State.FAILED,
    (State.READY, Event.UNLOAD): State.UNLOADED,
    (State.READY, Event.LOAD): State.RELOADING,
    (State.UNLOADED, Event.LOAD): State.RELOADING,
    (State.FAILED, Event.LOAD): State.RELOADING,
    (State.RELOADING, Event.LOAD): State.RELOADING,
    # Code that cannot be there twice is unloaded for the next load.
    (State.RELOADING, Event.UNLOAD): State.RELOADING,
    (State.RELOADING, Event.LOADED): State.READY,
    (State.RELOADING, Event.FAILED): State.FAILED,
    (State.RELOADING, Event.KEPT): State.READY,
    (State.RELOADING, Event.LOST): State.LOST,
    # Health must not flap while it is tried again.
    (State.LOST, Event.LOAD): State.LOST,
    (State.LOST, Event.LOST): State.LOST,
    (State.LOST, Event.UNLOAD): State.LOST,
    (State.LOST, Event.LOADED): State.READY,
    (State.LOST, Event.FAILED): State.FAILED,
    (State.DRAINING, Event.STOPPED): State.STOPPED,
    **{(s, Event.DRAIN): State.DRAINING for s in State if s is not State.STOPPED},
    # Loads that are under way come to their ends.
    **{
        (state, event): state
        for state in (State.DRAINING, State.STOPPED)
        for event in {*Event} - {Event.RESTORED, Event.DRAIN, Event.STOPPED}
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


def transitions() -> list[tuple[State, Event, State]]:
    """The rows of the table."""
    return [(before, event, next_one) for (before, event), next_one in _TABLE.items()]


def shown(state: State) -> State:
    """The state that clients are told: code that was unloaded is ready for them."""
    return State.READY if state is State.UNLOADED else state


def is_serving(state: State) -> bool:
    """Whether health checks are told SERVING.

    A location that failed to load serves: it serves the user's traceback, and taking it out of
    rotation would hide exactly that.
    """
    return state in (State.READY, State.UNLOADED, State.RELOADING, State.FAILED)
