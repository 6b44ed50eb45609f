"""Run a soak and report: `python -m bench.soak --minutes 5`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.soak import report
from bench.soak.endurance import Settings, soak


def main() -> int:
    """Parse the arguments, soak and report; returns 0 only if the soak is good."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long to load the server")
    parser.add_argument("--operations", type=int, help="how many instead of how long")
    parser.add_argument("--seed", type=int, default=1, help="decides what the clients do")
    parser.add_argument("--clients", type=int, default=32, help="how many clients there are")
    parser.add_argument("--json", type=Path, help="write everything that was seen to this file")
    parser.add_argument("--log", type=Path, help="write the end of the server's log to this file")
    given = parser.parse_args()
    tally = soak(
        Settings(
            minutes=None if given.operations else given.minutes,
            operations=given.operations,
            clients=given.clients,
            seed=given.seed,
        )
    )
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
