"""`codeserver graph`: how a job or assets depend on each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeserver.cli import screen
from codeserver.cli.completion import job_names
from codeserver.cli.drawn import DRAWINGS, draw, engine_option, format_of, format_option
from codeserver.cli.location_options import location_options
from codeserver.cli.opening import Where, client_of
from codeserver.cli.options_of_jobs import op_selection_option, repository_option
from codeserver.cli.output import output_option

if TYPE_CHECKING:
    from codeserver.drawing.as_svg import Engine


@click.command("graph")
@click.argument("job", required=False, shell_complete=job_names)
@click.option(
    "--assets",
    is_flag=False,
    flag_value="",
    metavar="[SELECTION]",
    help="Draw assets instead of a job: all, or those of a selection in Dagster's syntax, such as "
    "'group:sales' or '+key:orders'.",
)
@format_option(DRAWINGS)
@output_option
@engine_option
@op_selection_option
@repository_option
@click.option("--json", "as_json", is_flag=True, help="Print the structure itself as JSON.")
@location_options
def graph_command(
    *,
    job: str | None,
    assets: str | None,
    form: str | None,
    output: Path | None,
    engine: Engine,
    op_selection: tuple[str, ...],
    repository: str,
    as_json: bool,
    where: Where,
) -> None:
    """Draw how a job or assets depend on each other.

    \b
    codeserver graph my_job -f repo.py                  a tree
    codeserver graph my_job -f repo.py -o job.svg       a picture
    codeserver graph --assets 'group:sales'             of the server at 127.0.0.1:4000
    """  # noqa: D301 - click reads this backspace
    _check(job, assets, op_selection)
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
            diagram = drawing.from_assets(found.assets, found.edges)
    draw(diagram, format_of(form, output, "tree"), output, engine)


def _check(job: str | None, assets: str | None, op_selection: tuple[str, ...]) -> None:
    if (job is None) == (assets is None):
        raise click.UsageError("Give the name of a job, or --assets.")
    if assets is not None and op_selection:
        raise click.UsageError(
            "--op-selection is for jobs; a selection of assets follows --assets."
        )
