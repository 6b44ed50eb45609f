"""Ids: equal for equal content, and never one that a client could mistake for an older load."""

from __future__ import annotations

import hashlib

import pytest

from codeserver.supervisor.server_ids import ServerIds

A, B, C = (hashlib.sha256(name).hexdigest() for name in (b"a", b"b", b"c"))
MINUTE = 60.0


def ids(fixed: str | None, *loads: tuple[str, float]) -> list[str]:
    """The ids of a server that loads this content at these times."""
    server = ServerIds(fixed)
    taken = []
    for digest, now in loads:
        taken.append(server.take(digest, now))
        assert server.current == taken[-1]
    return taken


def test_there_is_none_before_the_first_load() -> None:
    assert ServerIds(None).current == ServerIds("x").current == ""


def test_replicas_and_restarts_agree() -> None:
    assert ids(None, (A, 0)) == ids(None, (A, 12345))
    assert ids(None, (A, 0), (B, 1))[-1] == ids(None, (B, 7))[0]


def test_it_tells_content_apart() -> None:
    assert len({*ids(None, (A, 0)), *ids(None, (B, 0)), *ids(None, (C, 0))}) == 3


@pytest.mark.parametrize("fixed", [None, "release-7"])
def test_the_same_content_keeps_its_id(fixed: str | None) -> None:
    first, again, much_later = ids(fixed, (A, 0), (A, 1), (A, 10 * MINUTE))
    assert first == again == much_later


@pytest.mark.parametrize("fixed", [None, "release-7"])
def test_the_same_content_keeps_its_id_after_a_change_back(fixed: str | None) -> None:
    *_, back, again, much_later = ids(fixed, (A, 0), (B, 1), (A, 2), (A, 3), (A, 10 * MINUTE))
    assert back == again == much_later


@pytest.mark.parametrize("fixed", [None, "release-7"])
@pytest.mark.parametrize("away", [0.0, 1.0, MINUTE - 0.1])
def test_a_change_back_within_a_minute_has_a_new_id(fixed: str | None, away: float) -> None:
    first, other, back = ids(fixed, (A, 0), (B, 100), (A, 100 + away))
    assert len({first, other, back}) == 3
    assert back.startswith(first), "people can still tell what is served"


@pytest.mark.parametrize("fixed", [None, "release-7"])
def test_a_change_back_after_a_minute_has_the_old_id(fixed: str | None) -> None:
    """Counted from when clients last saw it, not from when they first did."""
    first, _, back = ids(fixed, (A, 0), (B, 100), (A, 100 + MINUTE))
    assert back == first


@pytest.mark.parametrize("fixed", [None, "release-7"])
def test_no_id_comes_back_within_a_minute(fixed: str | None) -> None:
    loads = [(digest, now * 10.0) for now, digest in enumerate([A, B, A, C, B, C] * 5)]
    taken = ids(fixed, *loads)
    for at, server_id in enumerate(taken):
        assert server_id not in taken[max(0, at - 6) : at]


def test_a_fixed_id_holds_while_the_content_does() -> None:
    assert ids("release-7", (A, 0), (A, 1)) == ["release-7", "release-7"]


def test_a_fixed_id_does_not_hide_a_change() -> None:
    _, changed, again = ids("release-7", (A, 0), (B, 1), (C, 2))
    assert changed.startswith("release-7-")
    assert again.startswith("release-7-")
    assert len({"release-7", changed, again}) == 3


def test_under_a_fixed_id_the_id_is_still_that_of_the_content() -> None:
    assert ids("release-7", (A, 0), (B, 1))[-1] == ids("release-7", (A, 0), (C, 1), (B, 2))[-1]


def test_an_id_fits_on_a_line() -> None:
    assert all(len(each) <= 40 for each in ids(None, (A, 0), (B, 1), (A, 2)))
