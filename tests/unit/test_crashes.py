"""How long user code that keeps crashing is left alone."""

from __future__ import annotations

import pytest

from codeserver.supervisor.evaluating.admission import Crashes

NOW = 5000.0

PAUSES = {1: 0, 2: 0, 3: 0.5, 4: 1, 5: 2, 6: 4, 7: 8, 8: 16, 9: 30, 10: 30, 50: 30, 5000: 30}


def after(count: int, subject: str = "sensor bad") -> Crashes:
    """So many crashes in a row, the last of them now."""
    crashes = Crashes()
    for number in range(count):
        crashes.add(subject, f"crash {number + 1}", NOW - count + 1 + number)
    return crashes


@pytest.mark.parametrize(("count", "pause"), PAUSES.items())
def test_pauses(count: int, pause: float) -> None:
    crashes = after(count)
    assert (crashes.objection("sensor bad", NOW) is not None) is (pause > 0)
    if pause:
        assert crashes.objection("sensor bad", NOW + pause - 0.01) is not None
    assert crashes.objection("sensor bad", NOW + pause) is None
    assert crashes.objection("sensor bad", NOW + pause + 1000) is None


def test_what_is_said() -> None:
    assert after(5).objection("sensor bad", NOW + 0.5) == (
        "The sensor bad has crashed 5 times in a row and is not tried for another 1.5 seconds. "
        "The last time: crash 5"
    )


def test_subjects_do_not_share_pauses() -> None:
    crashes = after(3)
    crashes.add("sensor other", "crash", NOW)
    assert crashes.objection("sensor other", NOW) is None
    assert crashes.objection("sensor unknown", NOW) is None
    crashes.clear("sensor other")
    assert crashes.objection("sensor bad", NOW) is not None


def test_an_answer_ends_the_row() -> None:
    crashes = after(9)
    crashes.clear("sensor bad")
    assert crashes.objection("sensor bad", NOW) is None
    for _ in range(2):
        crashes.add("sensor bad", "crash", NOW)
    assert crashes.objection("sensor bad", NOW) is None
    crashes.clear("sensor unknown")


def test_a_pause_that_is_over_does_not_end_the_row() -> None:
    crashes = after(3)
    later = NOW + 100
    assert crashes.objection("sensor bad", later) is None
    crashes.add("sensor bad", "again", later)
    assert crashes.objection("sensor bad", later) == (
        "The sensor bad has crashed 4 times in a row and is not tried for another 1.0 seconds. "
        "The last time: again"
    )
