"""Measure codeserver beside stock Dagster's two servers.

    python -m bench [--quick] [--only WORKLOAD ...] [--location NAME ...]
        [--servers ours,api,code-server] [--json FILE] [--docs] [--update] [--render FILE]

`codeserver grpc`, `dagster api grpc` and `dagster code-server start` serve the same locations on
the same machine in the same run, in turns. The docstrings of `measure` in `bench/workloads`
explain the method of each workload, and are part of the report.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import page
from bench.processes import adopt_orphans, kill_descendants
from bench.results import Results, as_json, from_json
from bench.runner import WORKLOADS, measure
from bench.servers import KINDS, Kind
from bench.subjects import SUBJECTS

_LOCATIONS = [subject.name for subject in SUBJECTS]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and report; returns 1 when something could not be measured.

    Ctrl-C and SIGTERM end everything that was started, and then this.
    """
    options = _options(arguments)
    if options.render:
        page.write(from_json(options.render.read_text("utf-8")))
        return 0
    # A shell that starts this in the background ignores SIGINT; stock's servers, which would
    # inherit that, would then ignore SIGTERM, too.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    adopt_orphans()
    try:
        results = measure(
            [name for name in WORKLOADS if not options.only or name in options.only],
            options.location or _LOCATIONS,
            options.servers,
            quick=options.quick,
        )
    except KeyboardInterrupt:
        return 130
    finally:
        kill_descendants()
    _report(results, options)
    return 1 if results.failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    known = argparse.ArgumentParser("python -m bench", description=__doc__.splitlines()[0])
    for option, names in (("--only", WORKLOADS), ("--location", _LOCATIONS)):
        known.add_argument(
            option,
            action="append",
            choices=names,
            metavar="NAME",
            help="one of %(choices)s; repeat the option for several",
        )
    known.add_argument(
        "--servers",
        type=_kinds,
        default=list(KINDS.values()),
        help=f"some of {','.join(KINDS)}; default: all of them",
    )
    for option, text in (
        ("--quick", "a short trial of each workload, with its first location"),
        ("--docs", "write the pages of the documentation"),
        ("--update", "write the pages with new results of the workloads of --only"),
    ):
        known.add_argument(option, action="store_true", help=text)
    for option, text in (
        ("--json", "write all numbers to this file"),
        ("--render", "measure nothing; write the pages from this file of --json"),
    ):
        known.add_argument(option, type=Path, metavar="FILE", help=text)
    options = known.parse_args(arguments)
    in_part = options.quick or options.only or options.location
    if options.docs and (in_part or options.servers != list(KINDS.values())):
        known.error(
            "--docs needs a complete run; do not combine it with --quick, --only, --location or "
            "--servers"
        )
    if options.update and (options.quick or options.location or not options.only):
        known.error("--update needs --only; do not combine it with --quick or --location")
    return options


def _kinds(text: str) -> list[Kind]:
    unknown = [key for key in text.split(",") if key not in KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]}, only {', '.join(KINDS)}")
    return [KINDS[key] for key in text.split(",")]


def _report(results: Results, options: argparse.Namespace) -> None:
    page.show(results)
    if options.json:
        options.json.write_text(as_json(results), "utf-8")
    if options.update:
        before = from_json((page.DOCS / "benchmarks.json").read_text("utf-8"))
        results = before.updated(results, WORKLOADS)
    if options.docs or options.update:
        page.write(results)


if __name__ == "__main__":
    sys.exit(main())
