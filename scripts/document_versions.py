"""Write the tested versions into docs/dagster.md, from `tests/versions/results.json`.

With `--check`, only check that the table is current, and that codeserver names the newest of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from written import write_or_check

from codeserver.worker.dagster_installed import NEWEST_TESTED, numbers

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dagster.md"
RESULTS = ROOT / "tests" / "versions" / "results.json"
BEGIN, END = "<!-- versions: written by `make test-versions` -->\n", "<!-- end of versions -->\n"
SUITES = ("unit", "differential", "smoke")


def row(name: str, result: dict[str, Any]) -> str:
    """One line of the table."""
    names = ("passed", "skipped", "failed")
    cells = [
        ", ".join(f"{result[suite][each]:,} {each}" for each in names if result[suite][each])
        for suite in SUITES
    ]
    label = "oldest of all libraries" if name == "floor" else name
    return f"| {' | '.join([label, result['python'], *cells, result['date']])} |\n"


def page(results: dict[str, Any]) -> str:
    """The whole page."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    table = (
        "| Dagster | Python | logic | each RPC beside stock | webserver and daemon | date |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
    )
    table += "".join(row(name, result) for name, result in results.items())
    return "".join([head, BEGIN, table, END, tail])


def main() -> int:
    """Write or check the page."""
    results = json.loads(RESULTS.read_text("utf-8"))
    code = write_or_check(PAGE, page(results), "make docs")
    newest = max((each for each in results if each != "floor"), key=numbers)
    if newest != NEWEST_TESTED:
        print(f"NEWEST_TESTED is {NEWEST_TESTED}, but tests ran with {newest}.", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
