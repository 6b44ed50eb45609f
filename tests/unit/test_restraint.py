"""Code that changes its own files is not loaded without a pause."""

from __future__ import annotations

from codeserver.supervisor.watching.restraint import Restraint


def pauses(restraint: Restraint, count: int) -> list[float]:
    return [restraint.pause_after_change_while_loading() for _ in range(count)]


def test_pauses_begin_after_ten_loads_in_a_row_and_double() -> None:
    assert pauses(Restraint(), 17) == [0.0] * 9 + [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]


def test_pauses_end_with_a_load_in_which_nothing_has_changed() -> None:
    restraint = Restraint()
    pauses(restraint, 12)
    restraint.load_was_clean()
    assert pauses(restraint, 10) == [0.0] * 9 + [0.5]


def test_pauses_stay_the_longest_for_ever() -> None:
    assert pauses(Restraint(), 5_000)[-1] == 10.0
