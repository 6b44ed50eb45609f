"""Run tests with other releases of Dagster: `python -m tests.versions 1.12.22 newest floor`.

Without names it takes all that are listed, and the floor. What it finds is in `results.json`, and
from there in docs/dagster.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree

from tests.versions.environments import FLOOR, ROOT, listed, make, refresh

RESULTS = Path(__file__).parent / "results.json"

SUITES = {
    "unit": ["tests/unit"],
    "differential": ["tests/differential"],
    "smoke": ["tests/acceptance/test_dagster_programs.py"],
}
"""What runs in each environment, as arguments of pytest."""

_UNIT = ("dagster_fit", "dagster_json", "describing_*", "failures", "requests", "target", "wire_*")
_DIFFERENTIAL = ("basics", "definitions", "partitions", "ticks", "runs")
_SMOKE = (
    "the_location_shows_what_the_file_defines",
    "a_launched_job_succeeds",
    "a_sensor_ticks_and_its_run_succeeds",
)

SHORT = {
    "short": [
        *(str(path) for name in _UNIT for path in ROOT.glob(f"tests/unit/test_{name}.py")),
        *(f"tests/differential/test_{name}.py" for name in _DIFFERENTIAL),
        *(f"tests/acceptance/test_dagster_programs.py::test_{name}" for name in _SMOKE),
    ]
}
"""Most of what differs between releases, in the time that CI has."""

Counts = dict[str, int]


def run(python: Path, what: list[str]) -> Counts:
    """How many tests have passed, were skipped, and have failed."""
    report = python.parent.parent / "report.xml"
    report.unlink(missing_ok=True)
    options = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-q", "-r", "fE"]
    subprocess.run([python, "-m", "pytest", *options, f"--junitxml={report}", *what], check=False)
    if not report.exists():
        return {"passed": 0, "skipped": 0, "failed": 1}
    (suite,) = ElementTree.parse(report).getroot()
    total, *others = (int(suite.get(n, 0)) for n in ("tests", "skipped", "failures", "errors"))
    return {"passed": total - sum(others), "skipped": others[0], "failed": others[1] + others[2]}


def record(name: str, counts: dict[str, Counts]) -> None:
    """Put the results of one environment in the place of earlier ones; forget unlisted ones."""
    known = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    date = datetime.now(timezone.utc).date().isoformat()
    known[name] = {"python": "{}.{}.{}".format(*sys.version_info), "date": date, **counts}
    kept = {each: known[each] for each in (*listed(), FLOOR) if each in known}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser("tests.versions", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"releases, `newest` or `{FLOOR}`")
    parser.add_argument("--short", action="store_true", help="the tests of CI; recorded nowhere")
    parser.add_argument("--refresh", action="store_true", help="list the releases that there are")
    given = parser.parse_args()
    if given.refresh:
        refresh()
        return 0
    names = [each.replace("newest", listed()[-1]) for each in given.names]
    failed = []
    for name in names or [*listed(), FLOOR]:
        began = time.monotonic()
        python = make(name)
        suites = SHORT if given.short else SUITES
        counts = {suite: run(python, what) for suite, what in suites.items()}
        if not given.short:
            record(name, counts)
        failed += [name] if any(each["failed"] for each in counts.values()) else []
        print(f"Dagster {name}, {time.monotonic() - began:.0f} s: {counts}", flush=True)
    if not given.short:
        subprocess.run([sys.executable, "scripts/document_versions.py"], cwd=ROOT, check=False)
    if failed:
        print(f"Tests fail with Dagster {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
