"""The states of a code location: properties that hold for every row of the table."""

from __future__ import annotations

import itertools

import pytest

from codeserver.lifecycle import (
    Event,
    InvalidTransition,
    State,
    after,
    is_serving,
    shown,
    transitions,
)

ROWS = transitions()
ENDING = {State.DRAINING, State.STOPPED}
ENDS_OF_LOADS = {Event.LOADED, Event.FAILED, Event.KEPT, Event.LOST}


def followers(state: State) -> set[State]:
    return {to for before, _, to in ROWS if before is state}


def test_every_state_is_reached_from_the_first() -> None:
    reached = {State.LOADING}
    while more := set().union(*map(followers, reached)) - reached:
        reached |= more
    assert reached == {*State}


def test_what_the_table_does_not_have_cannot_happen() -> None:
    table = {(before, event): to for before, event, to in ROWS}
    for state, event in itertools.product(State, Event):
        if (state, event) in table:
            assert after(state, event) is table[state, event]
            continue
        with pytest.raises(InvalidTransition, match=f"{event.value} cannot happen while"):
            after(state, event)


def test_every_state_can_be_drained_and_then_stopped() -> None:
    for state in {*State} - {State.STOPPED}:
        assert after(after(state, Event.DRAIN), Event.STOPPED) is State.STOPPED


def test_nothing_leads_back_from_the_end() -> None:
    assert followers(State.STOPPED) == {State.STOPPED}
    assert followers(State.DRAINING) == ENDING


def test_loads_end_only_where_they_begin() -> None:
    """And a load may begin wherever the server is not ending."""
    assert {before for before, event, _ in ROWS if event is Event.LOAD} == {*State}
    for state in {*State} - ENDING:
        loading = after(state, Event.LOAD)
        assert after(loading, Event.LOAD) is loading
        for event in (Event.LOADED, Event.FAILED):
            assert (
                after(loading, event)
                is {
                    Event.LOADED: State.READY,
                    Event.FAILED: State.FAILED,
                }[event]
            )
    begun = {after(state, Event.LOAD) for state in State}
    assert {before for before, event, _ in ROWS if event in ENDS_OF_LOADS} == begun


def test_health_does_not_flap_while_lost_code_is_tried_again() -> None:
    states = [State.LOST, *(after(State.LOST, event) for event in (Event.LOAD, Event.LOST))]
    assert not any(map(is_serving, states))


def test_code_that_was_unloaded_is_ready_for_clients() -> None:
    assert {state for state in State if shown(state) is not state} == {State.UNLOADED}
    assert shown(State.UNLOADED) is State.READY
    assert is_serving(State.UNLOADED)


def test_is_serving() -> None:
    """Also while an error is shown, and while newer code is loaded."""
    serving = {State.READY, State.UNLOADED, State.RELOADING, State.FAILED}
    assert set(filter(is_serving, State)) == serving
