"""The states of a code location, checked against a second copy of the table."""

from __future__ import annotations

import itertools

import pytest

from codeserver.lifecycle import Event, InvalidTransition, State, after, is_serving

POSSIBLE = {
    (State.LOADING, Event.RESTORED): State.RELOADING,
    (State.LOADING, Event.LOADED): State.READY,
    (State.LOADING, Event.FAILED): State.FAILED,
    (State.LOADING, Event.DRAIN): State.DRAINING,
    (State.READY, Event.RELOAD): State.RELOADING,
    (State.READY, Event.DRAIN): State.DRAINING,
    (State.RELOADING, Event.LOADED): State.READY,
    (State.RELOADING, Event.KEPT): State.READY,
    (State.RELOADING, Event.FAILED): State.FAILED,
    (State.RELOADING, Event.LOST): State.LOST,
    (State.RELOADING, Event.DRAIN): State.DRAINING,
    (State.LOST, Event.RELOAD): State.LOST,
    (State.LOST, Event.LOST): State.LOST,
    (State.LOST, Event.LOADED): State.READY,
    (State.LOST, Event.FAILED): State.FAILED,
    (State.LOST, Event.DRAIN): State.DRAINING,
    (State.FAILED, Event.RELOAD): State.RELOADING,
    (State.FAILED, Event.DRAIN): State.DRAINING,
    (State.DRAINING, Event.DRAIN): State.DRAINING,
    (State.DRAINING, Event.STOPPED): State.STOPPED,
}
IMPOSSIBLE = [pair for pair in itertools.product(State, Event) if pair not in POSSIBLE]


@pytest.mark.parametrize(("state", "event"), POSSIBLE)
def test_transition(state: State, event: Event) -> None:
    assert after(state, event) is POSSIBLE[state, event]


@pytest.mark.parametrize(("state", "event"), IMPOSSIBLE)
def test_impossible_transition(state: State, event: Event) -> None:
    with pytest.raises(InvalidTransition, match=f"{event.value} cannot happen while {state.value}"):
        after(state, event)


@pytest.mark.parametrize("state", [state for state in State if state is not State.STOPPED])
def test_every_state_can_be_drained_and_stopped(state: State) -> None:
    assert after(after(state, Event.DRAIN), Event.STOPPED) is State.STOPPED


def test_nothing_happens_after_the_end() -> None:
    assert not [event for state, event in POSSIBLE if state is State.STOPPED]


@pytest.mark.parametrize(
    ("state", "serving"),
    [
        (State.LOADING, False),
        (State.READY, True),
        (State.RELOADING, True),
        (State.FAILED, True),
        (State.LOST, False),
        (State.DRAINING, False),
        (State.STOPPED, False),
    ],
)
def test_is_serving(state: State, serving: bool) -> None:
    assert is_serving(state) is serving
