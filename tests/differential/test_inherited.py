"""What runs and ticks see of files that the module has opened, and of the process they are in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential import calls
from tests.differential.calls import Call
from tests.differential.cases import Case, check, table
from tests.differential.running import Launched, launch
from tests.differential.sides import AMONG_SEVERAL, USER_CODE, Pair, Side, serving
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
def pair(work: Path) -> Iterator[Pair]:
    with serving(["-f", "repo.py"], work, cwd=USER_CODE / "inherited") as both:
        yield both


def _logged(launched: Launched) -> list[str]:
    """What became of the run, and what its ops have logged, when it is over."""
    launched.wait_until_finished()
    entries = launched.side.instance.all_logs(launched.run_id)
    lines = [entry.user_message for entry in entries if entry.dagster_event is None]
    said = [line for line in lines if not line.startswith("Writing file at")]
    return [launched.run.status.value, *said]


def _two_runs_at_once(side: Side) -> object:
    folder = side.home / "read"
    folder.mkdir()
    launched = []
    for name in "ab":
        config = {"folder": str(folder), "name": name}
        launched.append(launch(side, "reads", {"ops": {"read": {"config": config}}}))
    logged = [_logged(each) for each in launched]
    # Written when the process ends, which is later.
    written = [eventually((folder / f".{name}").read_text, what="the file") for name in "ab"]
    return [*logged, written]


def _in_steps(side: Side) -> object:
    return _logged(launch(side, "looks_in_steps"))


@table(
    [
        Case("imports", calls.sensor("looks_in_ticks"), expect="found: (41, [9]); called: "),
        Case("files", Call("StartRun", _two_runs_at_once), expect="read all: True, rows: 3"),
        Case("imports", Call("StartRun", _in_steps), expect="found: (41, [9]); called: "),
        # After the runs, which have read the same file.
        Case("files", calls.sensor("reads_in_ticks"), expect="read all: True"),
    ]
)
def test_it_is_as_with_stock(case: Case, pair: Pair) -> None:
    if AMONG_SEVERAL and case.name == "imports":
        pytest.skip("`sys.argv` is the command line of the server, which has a file of locations")
    check(case, pair)
