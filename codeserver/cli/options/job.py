"""Argument and options of the commands that are about one job."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeVar

import click

from codeserver.cli.options.location import client_to_complete

F = TypeVar("F", bound=Callable[..., Any])

_MOST = 200
"""No more than the server has on one page, so that there is one call to wait for."""


def job_argument(*, required: bool) -> Callable[[F], F]:
    """Give a command the argument `job`, which the tab key completes."""
    return click.argument("job", required=required, shell_complete=_names)


def _several(_context: click.Context, _parameter: click.Parameter, given: Any) -> tuple[str, ...]:
    """Values that were given one by one, or with commas between them."""
    parts = (part.strip() for each in given for part in each.split(","))
    return tuple(part for part in parts if part)


op_selection_option = click.option(
    "--op-selection",
    multiple=True,
    callback=_several,
    metavar="OPS",
    help="Ops to select in Dagster's syntax, such as '*load' or 'graph.op,other'.",
)

repository_option = click.option(
    "--repository",
    default="",
    metavar="NAME",
    help="Repository to look in. Only needed where several have the name.",
)


def _names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The jobs of the running server whose names begin so; none when that is not known at once."""
    with contextlib.suppress(Exception), client_to_complete(context) as client:
        names = [f"{incomplete}*"] if incomplete.isidentifier() else []
        found = [job.name for job in islice(client.jobs(names), _MOST)]
        return [name for name in found if name.startswith(incomplete)]
    return []
