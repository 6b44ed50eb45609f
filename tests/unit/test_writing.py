"""How long it is waited for somebody who writes files."""

from __future__ import annotations

import pytest

from codeserver.supervisor.watching.writing import Writing

TIMES: dict[str, tuple[list[float], float, bool]] = {
    "it has just begun": ([], 100, True),
    "nothing for a while": ([], 100.9, True),
    "nothing for long": ([], 101, False),
    "a change is recent": ([100.9], 101.8, True),
    "a change is long ago": ([100.9], 101.9, False),
    "one after the other": ([100.9, 101.8, 102.7], 103.6, True),
    "always": ([100 + 0.5 * n for n in range(20)], 109.9, True),
    "for ever": ([100 + 0.5 * n for n in range(20)], 110, False),
}


@pytest.mark.parametrize(("changes", "now", "expected"), TIMES.values(), ids=TIMES)
def test_whether_to_wait_on(changes: list[float], now: float, expected: bool) -> None:
    writing = Writing(100)
    for at in changes:
        writing.has_changed(at)
    assert writing.may_go_on(now) is expected
