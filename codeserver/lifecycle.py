"""The states of a code location, as one table. Pure: no I/O, no clock, no processes."""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """The state of a code location."""

    LOADING = "loading"
    """The first load is under way; there is nothing to serve yet."""
    READY = "ready"
    """A generation is served."""
    UNLOADED = "unloaded"
    """A generation is served, and the process with its code was ended because nothing needed it."""
    RELOADING = "reloading"
    """A generation, a snapshot or the error of a failed load is served while code is loaded."""
    FAILED = "failed"
    """The last load failed, and its error is served."""
    LOST = "lost"
    """The process with the code died or was unloaded, and a new load failed. Loading is retried;
    meanwhile, requests that need no user code are answered."""
    DRAINING = "draining"
    """The server is shutting down: it starts no runs, and answers all other requests."""
    STOPPED = "stopped"
    """The server answers nothing any more."""


class Event(str, Enum):
    """A change that can happen to a code location."""

    RESTORED = "restored"
    """A snapshot file was read before the first load."""
    LOAD = "load"
    """A load begins."""
    LOADED = "loaded"
    FAILED = "failed"
    """The load has failed, and its error is served."""
    KEPT = "kept"
    """The load has failed, and the previous generation is still served."""
    LOST = "lost"
    """The load has failed, and the process with the previous code is gone, too."""
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
    # Code that only one process can load is unloaded before the next load.
    (State.RELOADING, Event.UNLOAD): State.RELOADING,
    (State.RELOADING, Event.LOADED): State.READY,
    (State.RELOADING, Event.FAILED): State.FAILED,
    (State.RELOADING, Event.KEPT): State.READY,
    (State.RELOADING, Event.LOST): State.LOST,
    # Health must not flap while loading is retried.
    (State.LOST, Event.LOAD): State.LOST,
    (State.LOST, Event.LOST): State.LOST,
    (State.LOST, Event.UNLOAD): State.LOST,
    (State.LOST, Event.LOADED): State.READY,
    (State.LOST, Event.FAILED): State.FAILED,
    (State.DRAINING, Event.STOPPED): State.STOPPED,
    **{(s, Event.DRAIN): State.DRAINING for s in State if s is not State.STOPPED},
    # Loads that are under way may still end.
    **{
        (state, event): state
        for state in (State.DRAINING, State.STOPPED)
        for event in {*Event} - {Event.RESTORED, Event.DRAIN, Event.STOPPED}
    },
}


class InvalidTransition(RuntimeError):
    """The event cannot happen in this state: a bug in the caller."""


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
    """The state to report to clients: UNLOADED is READY for them."""
    return State.READY if state is State.UNLOADED else state


def is_serving(state: State) -> bool:
    """Whether health checks report SERVING.

    A location that failed to load serves the user's traceback. NOT_SERVING would hide it.
    """
    return state in (State.READY, State.UNLOADED, State.RELOADING, State.FAILED)
