"""The soak of `bench/`, in a form that is bounded by a number of operations."""

from __future__ import annotations

import os

from bench.soak import report
from bench.soak.endurance import soak
from bench.soak.soaking import Settings

OPERATIONS = 200
SEED = 20


def test_nothing_is_lost_under_mixed_load_faults_reloads_and_kills() -> None:
    settings = Settings(operations=OPERATIONS, clients=8, seed=SEED, reload_every=60, kill_every=20)
    tally = soak(settings)

    print(report.as_text(tally))
    assert tally.is_good, report.verdict(tally)
    assert tally.operations >= OPERATIONS
    assert tally.exit_code == os.EX_OK
    assert {each.role for each in tally.disruptions} == {"evaluator", "host", "forkserver"}
