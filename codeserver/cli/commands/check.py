"""`codeserver check`: load code, and show its definitions or its error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from codeserver.cli.options.location import code_options
from codeserver.cli.options.where import Where, check_compiles, client_of
from codeserver.cli.printing import screen
from codeserver.cli.printing.failures import FAILED, traceback_lines
from codeserver.cli.printing.location import load_time, runs, serves_code
from codeserver.cli.printing.tables import Column, Table
from codeserver.cli.printing.words import counted, duration, listed, seconds_of

if TYPE_CHECKING:
    from codeserver.api import v1
    from codeserver.cli.printing.screen import Screen
    from codeserver.cli.printing.words import Span
    from codeserver.client import Client

_MOST_NAMES, _MOST_IMPORTS = 20, 25
_PROFILING, _REHEARSING = ("--profile-imports",), ("--runs", "auto")


@dataclass(frozen=True)
class Checked:
    """The location, the names of its definitions by kind, and the duration of the load.

    For a location that has failed, there are no names, and the start of the server is included.
    """

    location: v1.Location
    names: Mapping[str, list[str]]
    seconds: float

    @property
    def is_ok(self) -> bool:
        """Whether the code loads."""
        return serves_code(self.location)


@click.command("check")
@click.option("--profile", is_flag=True, help="Show the import time of each module.")
@click.option(
    "--isolation",
    "rehearse",
    is_flag=True,
    help="Import the code twice, and show whether runs can share one import, and why not.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for CI.")
@code_options
@click.pass_context
def check_command(
    context: click.Context, profile: bool, rehearse: bool, as_json: bool, where: Where
) -> None:
    """Load code, and show its definitions or its error.

    The exit code is 0 if the code loads, else 1. The check imports your modules and executes
    nothing else of them. It needs no port, and leaves nothing behind.
    """
    if not as_json:
        check_compiles(where)
    begin = time.monotonic()
    options = [*_PROFILING * profile, *_REHEARSING * rehearse]
    with client_of(where, options=options, allow_failure=True) as client:
        elapsed = time.monotonic() - begin
        checked = _check(client, elapsed, rehearse=rehearse)
    if as_json:
        screen.out().json(as_data(checked, profile=profile, rehearsed=rehearse))
    else:
        show(screen.out(), screen.err(), checked, profile=profile, rehearsed=rehearse)
    if not checked.is_ok:
        context.exit(FAILED)


def _check(client: Client, elapsed: float, *, rehearse: bool) -> Checked:
    location = _rehearsed(client) if rehearse else client.location()
    if not serves_code(location):
        return Checked(location, {}, elapsed)
    names = {
        "jobs": [each.name for each in client.jobs()],
        "assets": [each.key for each in client.assets()],
        "schedules": [each.name for each in client.schedules()],
        "sensors": [each.name for each in client.sensors()],
        "resources": [each.name for each in client.resources()],
    }
    return Checked(location, names, seconds_of(location.load_times.total))


def _rehearsed(client: Client) -> v1.Location:
    """The location after its rehearsal, which decides on warm or fresh runs."""
    with contextlib.closing(client.watch()) as changes:
        return next(
            change.location
            for change in changes
            if not serves_code(change.location) or not change.location.runs.rehearsing
        )


def as_data(checked: Checked, *, profile: bool, rehearsed: bool = False) -> dict[str, Any]:
    """The result for programs: always the same keys; `imports` and `runs` on request."""
    location = checked.location
    has_error = location.HasField("load_error") and not checked.is_ok
    found = {
        "ok": checked.is_ok,
        "name": location.name,
        "target": location.target,
        "seconds": round(checked.seconds, 3),
        "load_times": location.load_times if checked.is_ok else None,
        "counts": {kind: len(names) for kind, names in checked.names.items()} or None,
        "definitions": checked.names or None,
        "isolation": location.isolation if checked.is_ok else None,
        "versions": location.versions,
        "error": location.load_error if has_error else None,
    }
    if profile:
        found["imports"] = list(location.imports)
    if rehearsed:
        found["runs"] = location.runs if checked.is_ok else None
    return found


def show(
    out: Screen, errors: Screen, checked: Checked, *, profile: bool, rehearsed: bool = False
) -> None:
    """Print the result for people: definitions, or else an error; on request, imports and runs."""
    location = checked.location
    if profile and location.imports:
        out.table(import_table(location.imports[:_MOST_IMPORTS]))
        out.line()
    if not checked.is_ok:
        took = f"after {duration(checked.seconds)}"
        out.flush()
        errors.line(("Error:", "bold red"), f" {location.name} does not load ({took}):")
        for line in traceback_lines(location.load_error):
            errors.line(line)
        return
    out.line((location.name, "bold"), "  ", ("loads", "bold green"), f" in {load_time(location)}")
    most = _MOST_NAMES if out.is_terminal else None
    out.facts(
        [
            (counted(len(names), kind[:-1]), listed(names, most))
            for kind, names in checked.names.items()
            if names
        ]
        or [("nothing", "is defined in it")]
    )
    if location.isolation.reasons:
        reasons = "; ".join(location.isolation.reasons)
        out.line("  ", ("not forked:", "yellow"), f" runs load the code themselves ({reasons})")
    if rehearsed:
        out.facts([("runs", runs(location.runs))])


def import_table(imports: Sequence[v1.ModuleImport]) -> Table:
    """Modules with their import times, without and with the modules that they import first."""
    return Table.of(
        imports,
        {
            Column("Module", "bold"): lambda each: each.module,
            Column("Yours", "green"): lambda each: "*" if each.is_users else "",
            Column("Own", is_number=True): lambda each: _milliseconds(each.own),
            Column("With imports", "cyan", is_number=True): lambda each: _milliseconds(
                each.cumulative
            ),
            Column("Imported by", "dim"): lambda each: each.imported_by or "the target",
        },
    )


def _milliseconds(span: Span) -> str:
    return f"{seconds_of(span) * 1000:,.1f} ms"
