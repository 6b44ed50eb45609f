"""Measure codeserver beside stock Dagster's two servers.

    python -m bench.comparison [--quick] [--only WORKLOAD ...] [--location NAME ...]
        [--servers ours,api,code-server] [--json FILE] [--docs] [--update]

`codeserver grpc`, `dagster api grpc` and `dagster code-server start` serve the same locations on
the same machine in the same run, in turns. How each number is made is said in the docstrings of
`measure` in `bench/comparison/workloads`, which are part of the report.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from bench.command import parser, prepare
from bench.comparison import page, tables
from bench.comparison.effort import Effort
from bench.comparison.outcomes import outcomes
from bench.comparison.results import Results, as_json, from_json, updated
from bench.comparison.runner import SUBJECTS, WORKLOADS, measure
from bench.processes import kill_descendants
from bench.report import show
from bench.servers import KINDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and report; returns 1 when something could not be measured.

    Ctrl-C and SIGTERM end everything that was started, and then this.
    """
    options = _options(arguments)
    prepare()
    # A shell that starts this in the background ignores SIGINT; stock's servers, which would
    # inherit that, would then ignore SIGTERM, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        results = measure(
            [name for name in WORKLOADS if not options.only or name in options.only],
            options.location or [subject.name for subject in SUBJECTS],
            options.servers,
            Effort(options.quick),
        )
    except KeyboardInterrupt:
        return 130
    finally:
        kill_descendants()
    _report(results, options)
    return 1 if results.failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    known = parser(
        "python -m bench.comparison", __doc__.splitlines()[0], ("workload", WORKLOADS), KINDS
    )
    known.add_argument("--quick", action="store_true", help="only see that it works")
    known.add_argument(
        "--location",
        action="append",
        choices=[subject.name for subject in SUBJECTS],
        metavar="NAME",
        help="one of %(choices)s; may be given several times",
    )
    known.add_argument("--docs", action="store_true", help="write the page of the documentation")
    known.add_argument(
        "--update", action="store_true", help="write it with these workloads measured again"
    )
    options = known.parse_args(arguments)
    in_part = options.quick or options.only or options.location
    if options.docs and (in_part or options.servers != list(KINDS.values())):
        known.error(
            "--docs shows one run of everything: it goes with none of --quick, --only, "
            "--location and --servers"
        )
    if options.update and (options.quick or options.location or not options.only):
        known.error(
            "--update is for whole workloads: it goes with --only, and nothing that is less"
        )
    return options


def _report(results: Results, options: argparse.Namespace) -> None:
    shown = [table for _, table in tables.figures(results, spread=True)]
    found = [each for each in outcomes(results) if each.checks]
    if found and not results.quick:  # of which nothing can be concluded
        shown.append(tables.aims(found))
    show(shown, dict(results.machine))
    if options.json:
        options.json.write_text(as_json(results), "utf-8")
    if options.markdown:
        options.markdown.write_text(page.page(results, []), "utf-8")
    if options.update:
        before = from_json((page.DOCS / "benchmarks.json").read_text("utf-8"))
        results = updated(before, results, WORKLOADS)
    if options.docs or options.update:
        page.write(results)


if __name__ == "__main__":
    sys.exit(main())
