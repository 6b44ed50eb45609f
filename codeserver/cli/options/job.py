"""Options of the commands that are about one job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def op_selection_option(command: F) -> F:
    """Give a command the option `--op-selection`."""
    return click.option(
        "--op-selection",
        multiple=True,
        callback=_several,
        metavar="OPS",
        help="Ops to select in Dagster's syntax, such as '*load' or 'graph.op,other'.",
    )(command)


def repository_option(command: F) -> F:
    """Give a command the option `--repository`."""
    return click.option(
        "--repository",
        default="",
        metavar="NAME",
        help="Repository to look in. Only needed where several have the name.",
    )(command)


def _several(_context: click.Context, _parameter: click.Parameter, given: Any) -> tuple[str, ...]:
    """Values that were given one by one, or with commas between them."""
    parts = (part.strip() for each in given for part in each.split(","))
    return tuple(part for part in parts if part)
