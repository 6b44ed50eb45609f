"""What the command lines of the benchmarks have in common."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.processes import adopt_orphans
from bench.servers import Kind


def prepare() -> None:
    """Make SIGTERM end this as Ctrl-C does, and lose no process that is started from now on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    adopt_orphans()


def parser(
    program: str, description: str, only: tuple[str, Sequence[str]], kinds: Mapping[str, Kind]
) -> argparse.ArgumentParser:
    """A parser of the options that all of them have.

    Args:
        program: what people type.
        description: what it does, in a line.
        only: what a part of it is called, and the names of all parts.
        kinds: the servers that are measured, by name.
    """
    part, names = only
    made = argparse.ArgumentParser(program, description=description)
    made.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    made.add_argument("--markdown", type=Path, metavar="FILE", help="write a table there")
    made.add_argument(
        "--only",
        action="append",
        choices=names,
        metavar=part.upper(),
        help="one of %(choices)s; may be given several times",
    )

    def chosen(text: str) -> list[Kind]:
        unknown = [key for key in text.split(",") if key not in kinds]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {unknown[0]}, only {', '.join(kinds)}")
        return [kinds[key] for key in text.split(",")]

    made.add_argument(
        "--servers",
        type=chosen,
        default=list(kinds.values()),
        help=f"some of {','.join(kinds)}; default: all of them",
    )
    return made
