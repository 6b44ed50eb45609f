"""Which runs share the host's import, and which import the code themselves."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from codeserver.facts import UsedFiles
from codeserver.marks import Look, listing, mark
from codeserver.supervisor.loading.run_modes import (
    PENDING,
    Choice,
    Mode,
    RunModes,
    Used,
    Verdict,
    Wishes,
    choose,
)
from codeserver.supervisor.loading.starter import Starter

FORKS = Choice(Mode.WARM)
THREADS = Choice(Mode.FRESH, ["a thread is running"])
REPEATABLE = Verdict(True)
CLOCK = Verdict(False, ["repo.py line 3: NOW reads the clock"])
UNKNOWN = Verdict(None, ["the second import took too long"])
EDITED = ["repo.py changed after the load"]


@pytest.mark.parametrize(
    ("wish", "may_fork", "verdict", "changes", "expected"),
    [
        ("auto", FORKS, REPEATABLE, [], Choice(Mode.WARM)),
        ("auto", FORKS, REPEATABLE, EDITED, Choice(Mode.FRESH, EDITED)),
        ("auto", FORKS, CLOCK, [], Choice(Mode.FRESH, CLOCK.reasons)),
        ("auto", FORKS, CLOCK, EDITED, Choice(Mode.FRESH, CLOCK.reasons)),
        ("auto", FORKS, UNKNOWN, [], Choice(Mode.FRESH, UNKNOWN.reasons)),
        ("auto", FORKS, PENDING, [], Choice(Mode.FRESH, PENDING.reasons)),
        ("auto", THREADS, REPEATABLE, [], THREADS),
        ("warm", THREADS, REPEATABLE, [], THREADS),
        ("warm", FORKS, CLOCK, EDITED, Choice(Mode.WARM, ["warm was asked for"])),
        ("fresh", FORKS, REPEATABLE, [], Choice(Mode.FRESH, ["fresh was asked for"])),
    ],
)
def test_choice(
    wish: str, may_fork: Choice, verdict: Verdict, changes: Sequence[str], expected: Choice
) -> None:
    choice = choose(wish, may_fork, verdict, changes)
    assert (choice.mode, [*choice.reasons]) == (expected.mode, [*expected.reasons])


class Code:
    """Files that a load has read, and directories that it has listed."""

    def __init__(self, path: Path) -> None:
        self.source, self.data, self.folder = path / "repo.py", path / "rows.csv", path / "files"
        self.packages = path / "site-packages"
        for folder in (self.folder, self.packages):
            folder.mkdir()
        self.source.write_text("import dagster\n")
        self.data.write_text("1\n")

    def used(self) -> Used:
        return Used(
            UsedFiles(
                files={str(self.source): mark(str(self.source)), str(self.gone): None},
                data={str(self.data): mark(str(self.data))},
                listings={str(self.folder): listing(str(self.folder))},
            ),
            [str(self.packages)],
        )

    @property
    def gone(self) -> Path:
        return self.source.with_name(".env")


CHANGES: dict[str, tuple[Callable[[Code], object], str]] = {
    "an edit": (lambda code: code.source.write_text("import dagster as dg\n"), "repo.py changed"),
    "a file that is replaced": (
        lambda code: os.replace(_copy(code.source), code.source),
        "repo.py changed",
    ),
    "a file that is removed": (lambda code: code.data.unlink(), "rows.csv changed"),
    "a file that was not there": (lambda code: code.gone.touch(), ".env changed"),
    "a new name": (lambda code: (code.folder / "new.csv").touch(), "files changed"),
    "a package": (lambda code: (code.packages / "lib").mkdir(), "packages were installed"),
}


def _copy(path: Path) -> Path:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    return copy


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_what_has_changed_since_the_load(
    change: Callable[[Code], object],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code = Code(tmp_path)
    used = code.used()
    (code.folder / "__pycache__").mkdir()
    assert used.changes({}) == [], "what Python keeps does not count"
    change(code)
    [said] = used.changes({})
    assert said.startswith(words)


LOOKS: dict[str, tuple[Look, Callable[[Path], object]]] = {
    "a file that appears": ("nothing", Path.touch),
    "a file that goes": ("file", Path.unlink),
    "a folder that becomes a file": ("folder", lambda path: (path.rmdir(), path.touch())),
    "a file whose size mattered": ([], lambda path: path.write_text("longer")),
}


@pytest.mark.parametrize(("look", "change"), LOOKS.values(), ids=LOOKS)
def test_files_that_the_import_asks_about(
    look: Look, change: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "asked"
    if look == "folder":
        path.mkdir()
    elif look != "nothing":
        path.write_text("short")
    before = look if isinstance(look, str) else mark(str(path)) or ""
    used = Used.nothing()
    assert used.changes({str(path): before}) == []
    change(path)
    [said] = used.changes({str(path): before})
    assert said.endswith("asked changed after the load")


def test_what_a_file_contains_does_not_matter_to_who_asks_whether_it_is_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "asked"
    path.touch()
    path.write_text("longer")
    assert Used.nothing().changes({str(path): "file"}) == []


def test_many_changes_are_counted(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{number}.py") for number in range(9)]
    used = Used(UsedFiles(files=dict.fromkeys(names)), ())
    for name in names:
        Path(name).touch()
    [said] = used.changes({})
    assert said.endswith("2.py, 6 more changed after the load")


def test_files_that_are_too_many_to_compare() -> None:
    assert Used(UsedFiles(is_whole=False), ()).changes({})


@pytest.mark.parametrize(
    ("operators", "jobs", "needed"),
    [
        ("auto", {}, True),
        ("warm", {}, False),
        ("fresh", {"a": "warm"}, False),
        ("fresh", {"a": "auto"}, True),
        ("warm", {"a": "nonsense"}, False),
    ],
)
def test_a_verdict_is_needed_when_one_run_may_depend_on_it(
    operators: str, jobs: dict[str, str], needed: bool
) -> None:
    warm = cast(Starter, object())
    for starter, expected in ((warm, needed), (None, False)):
        modes = RunModes(Wishes(operators, jobs), starter, warm, ["a thread"], Used.nothing())
        assert modes.needs_rehearsal is modes.is_rehearsing is expected
        modes.verdict = REPEATABLE
        assert not modes.is_rehearsing
        all_warm = starter is not None and modes.wishes.all == {"warm"}
        assert modes.may_import is not all_warm
        assert modes.must_import is (starter is None or operators == "fresh")


async def test_what_starts_a_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warm, fresh = cast(Starter, "warm"), cast(Starter, "fresh")
    code = Code(tmp_path)
    wishes = Wishes("auto", {"a/hot": "warm", "a/new": "fresh", "a/odd": "maybe", "b/any": "fresh"})
    modes = RunModes(wishes, warm, fresh, [], code.used())
    modes.verdict = REPEATABLE
    jobs = {"a/any": warm, "b/hot": warm, "a/hot": warm, "a/new": fresh, "a/odd": warm}
    for job, expected in jobs.items():
        assert (await modes.start("r", job)).starter is expected
    assert not caplog.messages

    code.source.write_text("edited")
    with caplog.at_level(logging.INFO, "codeserver"):
        for job, expected in {**jobs, "a/any": fresh, "b/hot": fresh, "a/odd": fresh}.items():
            assert (await modes.start(f"of {job}", job)).starter is expected
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "run of a/any imports the code as it is now",
        "run of b/hot imports the code as it is now",
        "run of a/hot executes the code as loaded",
        "run of a/new imports the code as it is now",
        "run of a/odd imports the code as it is now",
    ]
