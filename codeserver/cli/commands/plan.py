"""`codeserver plan`: the steps that a run would execute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeserver.cli.options.job import job_argument, op_selection_option, repository_option
from codeserver.cli.options.location import location_options
from codeserver.cli.options.output import DRAWINGS, draw, format_of, format_option, output_option
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen
from codeserver.cli.printing.failures import NotAsked
from codeserver.cli.printing.words import counted

if TYPE_CHECKING:
    from codeserver.api import v1

_TABLE = "table"


@click.command("plan")
@job_argument(required=True)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="Run config as YAML or JSON; - reads standard input. Default: the job's own run config.",
)
@click.option("--config-json", metavar="JSON", help="The run config itself, as JSON or YAML.")
@click.option("--partition", default="", metavar="KEY", help="Partition of the run.")
@op_selection_option
@click.option(
    "--asset",
    "assets",
    multiple=True,
    metavar="KEY",
    help="Key of an asset to select, such as raw/orders. May be given several times.",
)
@repository_option
@format_option((_TABLE, *DRAWINGS))
@output_option
@click.option("--json", "as_json", is_flag=True, help="Print the plan itself as JSON.")
@location_options
def plan_command(
    *,
    job: str,
    config_file: str | None,
    config_json: str | None,
    partition: str,
    op_selection: tuple[str, ...],
    assets: tuple[str, ...],
    repository: str,
    form: str | None,
    output: Path | None,
    as_json: bool,
    where: Where,
) -> None:
    """Show the steps that a run would execute.

    Nothing is executed. Run config that does not fit the job is an error, with a line for each
    mistake.
    """
    wanted = format_of(form, output, _TABLE)
    _check(form, output, as_json, wanted)
    config = _run_config(config_file, config_json)
    with client_of(where) as client:
        plan = client.plan(
            job,
            run_config=config,
            partition_key=partition,
            op_selection=op_selection,
            asset_selection=assets,
            repository=repository,
        )
    if as_json:
        screen.out().json(plan)
    elif wanted == _TABLE:
        _print(plan)
    else:
        from codeserver import drawing

        draw(drawing.from_plan(plan), wanted, output)


def _check(form: str | None, output: Path | None, as_json: bool, wanted: str) -> None:
    if as_json and (form is not None or output is not None):
        raise click.UsageError("--json prints the plan, which is not drawn; leave one out.")
    if output is not None and wanted == _TABLE:
        raise click.UsageError(
            f"A table is not written to a file; give --format, or a file such as {output.stem}.svg."
        )


def _run_config(path: str | None, text: str | None) -> str | None:
    """The run config as text; None without either option. An empty file is `{}`."""
    if path is None:
        return text
    if text is not None:
        raise click.UsageError("--config and --config-json are both given; give one of them.")
    try:
        with click.open_file(path, encoding="utf-8") as file:
            return file.read().strip() or "{}"
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise NotAsked(f"--config {path} cannot be read: {reason}.") from None


def _print(plan: v1.ExecutionPlan) -> None:
    from codeserver.cli.printing.plan_table import plan_table

    out = screen.out()
    if plan.steps:
        out.table(plan_table(plan))
    out.line(summary(plan))


def summary(plan: v1.ExecutionPlan) -> str:
    """The number of steps and levels in one line."""
    steps, levels = counted(len(plan.steps), "step"), counted(plan.levels, "level")
    many = f", at most {plan.width:,} at once" if plan.width else ""
    config = "; run config: the job's own" if plan.default_run_config else ""
    return f"{steps} in {levels}{many}{config}"
