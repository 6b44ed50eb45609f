"""Every RPC, asked of a server whose code could not be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential import calls
from tests.differential.calls import raw
from tests.differential.cases import Case, check, table
from tests.differential.sides import Pair, serving

BAD = """
def share(cake, guests):
    return cake / guests

try:
    share(1, 0)
except ZeroDivisionError as error:
    raise ValueError("nobody came") from error
"""
ERROR_STATE = "Could not load definitions since the code server is in an error state"


@pytest.fixture(scope="module")
def broken(work: Path) -> Iterator[Pair]:
    (work / "bad.py").write_text(BAD)
    with serving(["-f", "bad.py"], work, cwd=work) as pair:
        yield pair


@table(
    [
        Case(
            "error",
            calls.list_repositories(),
            expect="in share",
            difference="error of the user",
        ),
        *(
            Case("error", call, expect=ERROR_STATE, older="Expected non-None value")
            for call in calls.of_repository(calls.REPOSITORY)
            if call.rpc != "StartRun"
        ),
        Case(
            "error",
            calls.start_run("arithmetic", "no-such-run"),
            expect='"success": false',
            difference="says what is wrong",
        ),
        Case(
            "error",
            raw("RefreshComponentState", defs_state_keys=["a"]),
            expect="error state",
            difference="says what is wrong",
        ),
        Case("same state", raw("ReloadCodeWithState"), expect='"serialized_error": null'),
        Case("answers", raw("Ping", echo="still here"), expect="still here"),
        Case("none", raw("GetCurrentRuns"), expect='"current_runs": []'),
        Case("unknown run", calls.cancel("no-such-run"), expect='"success": false'),
        Case("unknown run", calls.can_cancel("no-such-run"), expect='"can_cancel": false'),
    ]
)
def test_in_error_state(case: Case, broken: Pair) -> None:
    check(case, broken)
