"""How fast saved code is served, and what clients notice of it.

    python -m bench.reload [--quick] [--only LOCATION] [--servers ours,code-server]
        [--json FILE] [--markdown FILE]

Three code locations are edited again and again, while `codeserver grpc --watch` and
`dagster code-server start` serve them side by side. Saving the file is all that is done for the
first; the second must be told with ReloadCode. Everything is measured through Dagster's own client.
How each number is made is said in the docstrings of `measure` in `bench/reload/edits.py` and
`bench/reload/requests.py`, which are part of the report.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from bench.command import parser, prepare
from bench.machine import facts, load
from bench.processes import kill_descendants
from bench.reload import edits, requests
from bench.reload.edited import KINDS, EditedServer, serving
from bench.reload.report import Found, as_json, details, summary
from bench.reload.subjects import EXAMPLE, HEAVY, Location, many_assets
from bench.report import markdown, show
from bench.servers import Kind


@dataclass(frozen=True)
class Plan:
    """What is done with one location.

    Attributes:
        location: it.
        warm_ups: edits that are not counted.
        edits: edits that are.
        reloads: edits while clients make requests.
    """

    location: Location
    warm_ups: int
    edits: int
    reloads: int


_FULL = (
    Plan(EXAMPLE, warm_ups=3, edits=15, reloads=50),
    Plan(many_assets(1000), warm_ups=3, edits=8, reloads=50),
    Plan(HEAVY, warm_ups=3, edits=15, reloads=50),
)
_QUICK = (
    Plan(EXAMPLE, warm_ups=1, edits=2, reloads=1),
    Plan(many_assets(100), warm_ups=1, edits=1, reloads=0),
    Plan(HEAVY, warm_ups=1, edits=1, reloads=0),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and report; returns 1 when something could not be measured.

    Ctrl-C and SIGTERM end everything that was started, and then this.
    """
    names = [plan.location.name for plan in _FULL]
    known = parser("python -m bench.reload", __doc__.splitlines()[0], ("location", names), KINDS)
    known.add_argument("--quick", action="store_true", help="fewer edits, and of 100 assets only")
    options = known.parse_args(arguments)
    prepare()
    machine = facts()
    plans = _QUICK if options.quick else _FULL
    chosen = [plan for plan in plans if not options.only or plan.location.name in options.only]
    results = {}
    try:
        for plan in chosen:
            if found := _measure(plan, options.servers):
                results[plan.location] = found
    except KeyboardInterrupt:
        return 130
    finally:
        kill_descendants()
    if not results:
        return 1
    machine["load average after"] = load()
    show(details(results, options.servers), machine)
    if options.json:
        options.json.write_text(as_json(results, machine))
    if options.markdown:
        options.markdown.write_text(markdown(summary(results, options.servers), machine))
    return 0 if len(results) == len(chosen) else 1


def _measure(plan: Plan, kinds: Sequence[Kind]) -> dict[Kind, Found] | None:
    """By server; None when it could not be measured."""
    began = time.monotonic()
    try:
        with serving(kinds, plan.location) as servers:
            found = _try(servers, plan)
    except Exception:
        traceback.print_exc()
        return None
    took = time.monotonic() - began
    times = ", ".join(f"{kind.key} {each.visible:.2f} s" for kind, each in found.items())
    print(f"{plan.location.name:10}{took:6.1f} s  {times}", file=sys.stderr, flush=True)
    return found


def _try(servers: Sequence[EditedServer], plan: Plan) -> dict[Kind, Found]:
    try:
        edited = edits.measure(servers, plan.warm_ups, plan.edits)
        asked = requests.measure(servers, plan.reloads)
    except Exception:
        for server in servers:
            print(f"{server.kind.label}:\n{server.output.text[-5000:]}", file=sys.stderr)
        raise
    return {kind: Found(edited[kind], asked[kind]) for kind in edited}


if __name__ == "__main__":
    sys.exit(main())
