"""Run a soak and report: `python -m bench.soak --minutes 5`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.soak import report
from bench.soak.endurance import soak
from bench.soak.soaking import Settings


def main() -> int:
    """Parse the arguments, soak and report; returns 0 only if the soak is good."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="duration of the load")
    parser.add_argument("--operations", type=int, help="number of operations, not --minutes")
    parser.add_argument("--seed", type=int, default=1, help="seed of the clients' actions")
    parser.add_argument("--clients", type=int, default=32, help="number of clients")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    parser.add_argument("--log", type=Path, help="write the end of the server's log to this file")
    given = parser.parse_args()
    minutes = None if given.operations else given.minutes
    tally = soak(Settings(minutes, given.operations, given.clients, given.seed))
    print(report.as_text(tally))
    if given.json:
        given.json.write_text(json.dumps(report.as_dict(tally), indent=1), "utf-8")
    if given.log:
        given.log.write_text(tally.log, "utf-8")
    return 0 if tally.is_good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
