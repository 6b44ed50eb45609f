"""`codeserver graph`: the dependencies in a job or between assets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeserver.cli.options.job import job_argument, op_selection_option, repository_option
from codeserver.cli.options.location import location_options
from codeserver.cli.options.output import DRAWINGS, draw, format_of, format_option, output_option
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen
from codeserver.cli.printing.failures import Failure
from codeserver.cli.printing.words import counted, listed

if TYPE_CHECKING:
    from codeserver.client.asset_graph import AssetGraph
    from codeserver.drawing import Diagram

_PICTURES = ("svg", "mermaid", "dot")
"""Formats in which many assets are unreadable; a tree and JSON stay readable."""

_MOST_NAMES = 20


@click.command("graph")
@job_argument(required=False)
@click.option(
    "--assets",
    is_flag=False,
    flag_value="",
    metavar="[SELECTION]",
    help="Draw assets instead of a job: all, or those of a selection in Dagster's syntax, such as "
    "'group:sales' or '+key:orders'.",
)
@click.option(
    "--group",
    metavar="NAME",
    help="Draw the assets of this group, and a box for each neighbouring group.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    metavar="N",
    help="Draw only assets at most N steps after the first ones, which have no drawn asset before "
    "them.",
)
@click.option(
    "--expand",
    is_flag=True,
    help="Draw every asset. Without it, a picture of more than 100 has a box for each group.",
)
@format_option(DRAWINGS)
@output_option
@op_selection_option
@repository_option
@click.option("--json", "as_json", is_flag=True, help="Print the structure itself as JSON.")
@location_options
def graph_command(
    *,
    job: str | None,
    assets: str | None,
    group: str | None,
    depth: int | None,
    expand: bool,
    form: str | None,
    output: Path | None,
    op_selection: tuple[str, ...],
    repository: str,
    as_json: bool,
    where: Where,
) -> None:
    """Draw the dependencies in a job or between assets.

    \b
    codeserver graph my_job -f repo.py                  a tree
    codeserver graph my_job -f repo.py -o job.svg       a picture
    codeserver graph --assets 'group:sales'             from the server at 127.0.0.1:4000
    codeserver graph --group sales -o sales.svg         with the neighbouring groups
    """  # noqa: D301 - click reads this backspace
    wish = _Wish(group, depth, expand)
    if job is None and wish.is_any:
        assets = assets or ""
    _check(job, assets, op_selection, wish)
    if as_json and (form is not None or output is not None):
        raise click.UsageError("--json prints the structure, which is not drawn; leave one out.")
    from codeserver import drawing

    with client_of(where) as client:
        if job is not None:
            reply = client.job(job, repository=repository, op_selection=op_selection)
            if as_json:
                screen.out().json(reply)
                return
            diagram = drawing.from_job(reply)
        else:
            found = client.asset_graph(assets or "", repository=repository)
            if as_json:
                screen.out().json(vars(found))
                return
            diagram = _of_assets(found, wish, format_of(form, output, "tree"))
    draw(diagram, format_of(form, output, "tree"), output)


@dataclass(frozen=True)
class _Wish:
    """The part of the assets to draw."""

    group: str | None
    depth: int | None
    expand: bool

    @property
    def is_any(self) -> bool:
        return self.group is not None or self.depth is not None or self.expand


def _of_assets(found: AssetGraph, wish: _Wish, form: str) -> Diagram:
    from codeserver import drawing

    assets, edges = found.assets, found.edges
    if wish.depth is not None:
        assets = drawing.nearest(assets, edges, wish.depth)
    groups = sorted({drawing.group_of(asset) for asset in assets})
    if wish.group is not None:
        if wish.group not in groups:
            there = f"; there is {listed(groups, _MOST_NAMES)}" if groups else ""
            raise Failure(f'There is no group "{wish.group}" among these assets{there}.')
        return drawing.from_group(assets, edges, wish.group)
    if wish.expand or form not in _PICTURES or len(assets) <= drawing.MOST_ASSETS:
        return drawing.from_assets(assets, edges)
    screen.err().line(
        f"{len(assets):,} assets are drawn as {counted(len(groups), 'group')}: --group NAME draws "
        "the assets of one, --expand draws all."
    )
    return drawing.from_groups(assets, edges)


def _check(job: str | None, assets: str | None, op_selection: tuple[str, ...], wish: _Wish) -> None:
    if job is not None and wish.is_any:
        raise click.UsageError("--group, --depth and --expand are for assets, not for a job.")
    if wish.group is not None and wish.expand:
        raise click.UsageError("--group draws one group and --expand all; leave one out.")
    if (job is None) == (assets is None):
        raise click.UsageError("Give the name of a job, or --assets.")
    if assets is not None and op_selection:
        raise click.UsageError(
            "--op-selection is for jobs; a selection of assets follows --assets."
        )
