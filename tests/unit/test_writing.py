"""How long it is waited for somebody who writes files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codeserver.supervisor.watching import writing as writing_module
from codeserver.supervisor.watching.writing import Writing, written

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


class Checkout:
    """Removes a file first, and writes it last."""

    def __init__(self, last: Path, files: int) -> None:
        self.suspicious = [str(last)]
        self._last = last
        self._left = files

    def changes(self) -> list[str]:
        if not self._left:
            return []
        self._left -= 1
        if not self._left:
            self._last.write_text("content")
            return [str(self._last)]
        return [f"file {self._left}"]


def ticking() -> Iterator[float]:
    """A clock that goes on whenever somebody looks at it."""
    now = 0.0
    while True:
        now += 0.1
        yield now


@pytest.mark.parametrize(
    ("files", "is_complete"), [(1, True), (10, True), (200, False)], ids=["one", "many", "no end"]
)
async def test_files_that_go_on_to_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: int, is_complete: bool
) -> None:
    monkeypatch.setattr(writing_module, "_STEP", 0)
    last = tmp_path / "last.py"
    changes = await written(Checkout(last, files), ticking().__next__)
    assert last.exists() is is_complete
    assert (str(last) in changes) is is_complete
    assert len(changes) == files or not is_complete


async def test_a_file_that_stays_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(writing_module, "_STEP", 0)
    assert await written(Checkout(tmp_path / "gone.py", 0), ticking().__next__) == set()
