"""A failed load, whatever is served, under every policy: one table."""

from __future__ import annotations

import itertools

import pytest

from codeserver.lifecycle import Event
from codeserver.serving import (
    Absence,
    Broken,
    Hollow,
    Live,
    Nothing,
    Outcome,
    Policy,
    Served,
    Step,
    after_failure,
)

Value = Served[str, str]

NOTHING: Value = Nothing()
BROKEN: Value = Broken("old error")
LIVE: Value = Live("code")
LIVE_KEPT: Value = Live("code", "old error")
RESTORED: Value = Hollow("code", Absence.RESTORED, 1.0)
UNLOADED: Value = Hollow("code", Absence.UNLOADED, 2.0)
DIED: Value = Hollow("code", Absence.DIED, 3.0, "old error")

SHOWN: Step[str, str] = Step(Broken("error"), Event.FAILED, Outcome.SHOWN)
KEPT: Step[str, str] = Step(Live("code", "error"), Event.KEPT, Outcome.KEPT)

KEEPING: dict[Value, Step[str, str]] = {
    NOTHING: SHOWN,
    BROKEN: SHOWN,
    LIVE: KEPT,
    LIVE_KEPT: KEPT,
    RESTORED: SHOWN,
    UNLOADED: Step(Hollow("code", Absence.UNLOADED, 2.0, "error"), Event.LOST, Outcome.UNLOADED),
    DIED: Step(Hollow("code", Absence.DIED, 3.0, "error"), Event.LOST, Outcome.LOST),
}


@pytest.mark.parametrize("served", KEEPING, ids=repr)
def test_a_failed_reload(served: Value) -> None:
    """An error of the code is shown if that is wanted; one of the server, only for want of code."""
    for shows, is_of_code in itertools.product([False, True], repeat=2):
        policy = Policy(shows_errors=shows)
        step = after_failure(served, "error", policy, is_of_code=is_of_code, is_first=False)
        assert step == (SHOWN if shows and is_of_code else KEEPING[served])


@pytest.mark.parametrize("served", [NOTHING, RESTORED])
@pytest.mark.parametrize("exits", [False, True])
def test_a_failed_first_load(served: Value, exits: bool) -> None:
    """Only the words differ: whoever started the server ends it."""
    step = after_failure(served, "error", Policy(exits=exits), is_of_code=True, is_first=True)
    assert (step.served, step.event) == (SHOWN.served, SHOWN.event)
    assert step.outcome is (Outcome.EXITS if exits else Outcome.SHOWN)
