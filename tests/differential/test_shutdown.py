"""ShutdownServer: after the runs; servers that are idle are shut down in test_loading."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential import calls
from tests.differential.calls import Call
from tests.differential.cases import Case, check
from tests.differential.plain import value
from tests.differential.running import current_runs, launch, start
from tests.differential.sides import AMONG_SEVERAL, Side, serving
from tests.support.eventually import eventually

pytestmark = pytest.mark.skipif(
    AMONG_SEVERAL, reason="it starts one of several locations anew, and the server goes on"
)


def _exit_code(side: Side) -> int:
    return side.server.process.wait(timeout=calls.TIMEOUT)


def _during_a_run(side: Side) -> object:
    release = side.home / "release"
    config = {"ops": {"wait_for_cancel": {"config": {"path": str(release)}}}}
    launched = launch(side, "waits", config)
    eventually(release.with_suffix(".begun").exists, what="the op")
    said = [
        value(side.client.shutdown_server()),
        start(side, launched.run_id, "arithmetic").reply,
        current_runs(side),
        calls.sensor("skips").make(side),
        calls.cancel(launched.run_id).make(side),
    ]
    release.touch()
    exit_code = _exit_code(side)
    return launched.story(said=said, exit_code=exit_code)


DURING_A_RUN = Case(
    "during a run",
    Call("ShutdownServer", _during_a_run),
    expect="Tried to start a run on a server after telling it to shut down",
)


def test_during_a_run(work: Path) -> None:
    with serving(["-f", "repo.py"], work) as pair:
        check(DURING_A_RUN, pair)
