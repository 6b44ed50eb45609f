"""Who writes a file is told by when it changes, and nothing is loaded for ever without a pause."""

from __future__ import annotations

import math

import pytest

from codeserver.supervisor.watching.restraint import Restraint

DATA, SOURCE = {"/p/conf.json"}, {"/p/repo.py"}
LOAD = 3.0  # seconds


def pause(restraint: Restraint, what: set[str], quiet: float = math.inf) -> float:
    return restraint.pause(what, quiet, LOAD)


def written(restraint: Restraint, what: set[str]) -> set[str]:
    """After a load in which this has changed: what is taken to be written by loading."""
    restraint.changed_while_loading(what)
    return restraint.by_loading


def test_what_changes_in_three_loads_and_never_in_between_may_be_written_by_loading() -> None:
    restraint = Restraint()
    found = []
    for _ in range(4):
        found.append({*written(restraint, DATA)})
        restraint.note_load(DATA, 0)
    assert found == [set(), set(), DATA, DATA]
    assert restraint.unconfirmed(DATA) == DATA


def test_one_more_load_after_a_rest_confirms_it_and_it_is_told_once() -> None:
    restraint = Restraint()
    for _ in range(3):
        written(restraint, DATA)
    told = [restraint.confirm(DATA, DATA | SOURCE) for _ in range(2)]
    assert told == [DATA, set()]
    assert not restraint.unconfirmed(DATA)
    assert restraint.unconfirmed(SOURCE) == SOURCE


def test_what_did_not_change_in_that_load_was_edited() -> None:
    restraint = Restraint()
    for _ in range(3):
        written(restraint, DATA)
        restraint.load_rewrote(DATA)
    assert not restraint.confirm(DATA, SOURCE)
    assert not restraint.by_loading
    assert not restraint.is_rewritten(*DATA)


def test_what_an_edit_has_shown_is_to_be_confirmed_anew() -> None:
    restraint = Restraint()
    for _ in range(3):
        written(restraint, DATA)
    restraint.confirm(DATA, DATA)
    restraint.edited(DATA)
    assert restraint.unconfirmed(DATA) == DATA


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
    a, b = {"/p/a.json"}, {"/p/b.json"}
    found = [{*written(restraint, each)} for each in (a, b, a, b, a)]
    assert found == [set()] * 4 + [a | b]
    assert restraint.confirm(a, b) == b
    assert restraint.unconfirmed(a | b) == a
    assert restraint.by_loading == a | b


def test_data_that_two_loads_in_a_row_have_rewritten_before_they_read_it() -> None:
    restraint = Restraint()
    found = []
    for rewritten in (DATA | SOURCE, DATA | SOURCE, SOURCE, DATA):
        restraint.load_rewrote(rewritten)
        found.append([each for each in DATA | SOURCE if restraint.is_rewritten(each)])
    assert found == [[], [*DATA], [], []]


def test_an_edit_at_another_time_counts() -> None:
    restraint = Restraint()
    for _ in range(3):
        written(restraint, DATA | SOURCE)
    restraint.edited(DATA)
    assert restraint.by_loading == SOURCE
    assert [{*written(restraint, DATA)} for _ in range(3)][-1] == DATA | SOURCE


def repeat(restraint: Restraint, what: set[str], count: int, quiet: float = 1) -> list[float]:
    """Pauses before so many loads in a row that are due to the same."""
    pauses = []
    for _ in range(count):
        pauses.append(pause(restraint, what, quiet))
        restraint.note_load(what, quiet)
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
    assert [restraint.note_load(DATA, 1) for _ in range(20)] == [n == 10 for n in range(1, 21)]


def test_a_load_that_is_out_of_date_goes_on_for_longer_each_time() -> None:
    """However long it takes, it comes to its end at last."""
    restraint = Restraint()
    patience = [restraint.patience() for _ in range(20)]
    assert patience[:12] == [0] * 9 + [0.5, 1, 2]
    assert patience[-1] == 512
    restraint.nothing_changed()
    assert restraint.patience() == 0
    assert math.isfinite([restraint.patience() for _ in range(5_000)][-1])
