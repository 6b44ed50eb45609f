"""Who writes a file is told by when it changes, and nothing is loaded for ever without a pause."""

from __future__ import annotations

import math

import pytest

from codeserver.supervisor.watching.restraint import Restraint

DATA, SOURCE = {"/p/conf.json"}, {"/p/repo.py"}
LOAD = 3.0  # seconds


def pause(restraint: Restraint, what: set[str], quiet: float = math.inf) -> float:
    return restraint.pause(what, quiet, LOAD)


def test_what_changes_in_three_loads_and_never_in_between_is_written_by_loading() -> None:
    restraint = Restraint()
    found = []
    for _ in range(4):
        found.append(restraint.changed_while_loading(DATA))
        restraint.loads(DATA, 0)
    assert found == [set(), set(), DATA, set()]
    assert restraint.by_loading == DATA


def test_there_is_a_pause_as_long_as_a_load_before_that_is_believed() -> None:
    restraint = Restraint()
    pauses = []
    for _ in range(3):
        restraint.changed_while_loading(DATA)
        pauses.append(pause(restraint, DATA))
    assert pauses == [0, LOAD, 0]


@pytest.mark.parametrize("between", [lambda r: r.edited(DATA), lambda r: r.nothing_changed()])
def test_what_changes_now_and_then_is_edited(between) -> None:
    restraint = Restraint()
    for _ in range(2):
        restraint.changed_while_loading(DATA)
        restraint.changed_while_loading(DATA)
        between(restraint)
    assert not restraint.by_loading


def test_files_that_change_in_turn() -> None:
    restraint = Restraint()
    found = [restraint.changed_while_loading({f"/p/{name}.json"}) for name in "ababa"]
    assert found == [set()] * 4 + [{"/p/a.json", "/p/b.json"}]


def test_data_that_two_loads_in_a_row_have_rewritten_before_they_read_it() -> None:
    restraint = Restraint()
    found = []
    for rewritten in (DATA | SOURCE, DATA | SOURCE, SOURCE, DATA):
        restraint.load_rewrote(rewritten)
        found.append([each for each in DATA | SOURCE if restraint.is_rewritten(each)])
    assert found == [[], [*DATA], [], []]


def test_an_edit_at_another_time_counts_and_what_was_found_is_told_once() -> None:
    restraint = Restraint()
    found = [restraint.changed_while_loading(DATA | SOURCE) for _ in range(3)][-1]
    restraint.edited(DATA)
    assert (found, restraint.by_loading) == (DATA | SOURCE, SOURCE)
    assert not any(restraint.changed_while_loading(DATA) for _ in range(3))
    assert restraint.by_loading == DATA | SOURCE


def repeat(restraint: Restraint, what: set[str], count: int, quiet: float = 1) -> list[float]:
    """Pauses before so many loads in a row that are due to the same."""
    pauses = []
    for _ in range(count):
        pauses.append(pause(restraint, what, quiet))
        restraint.loads(what, quiet)
    return pauses


def test_data_that_changes_again_and_again_is_loaded_with_pauses() -> None:
    growing = [0.5, 1, 2, 4, 8, 10, 10, 10]
    assert repeat(Restraint(), DATA, 18) == [0] * 10 + growing
    assert repeat(Restraint(), SOURCE, 18) == [0] * 18, "somebody may be at work"
    assert repeat(Restraint(), DATA, 18, quiet=10) == [0] * 18


def test_other_changes_do_not_wait_for_it() -> None:
    restraint = Restraint()
    repeat(restraint, DATA, 17)
    assert pause(restraint, DATA, 1) == 10
    assert pause(restraint, DATA | SOURCE, 1) == 0
    assert pause(restraint, DATA, 60) == 0


def test_pauses_are_told_of_when_they_begin() -> None:
    restraint = Restraint()
    assert [restraint.loads(DATA, 1) for _ in range(20)] == [n == 10 for n in range(1, 21)]


def test_a_load_that_is_out_of_date_goes_on_for_longer_each_time() -> None:
    """However long it takes, it comes to its end at last."""
    restraint = Restraint()
    patience = [restraint.patience() for _ in range(20)]
    assert patience[:12] == [0] * 9 + [0.5, 1, 2]
    assert patience[-1] == 512
    restraint.nothing_changed()
    assert restraint.patience() == 0
    assert math.isfinite([restraint.patience() for _ in range(5_000)][-1])
