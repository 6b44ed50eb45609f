"""`codeserver config`: a template of the run config of a job, and its schema."""

from __future__ import annotations

import json
from pathlib import Path

import click

from codeserver.cli.options.job import job_argument, op_selection_option, repository_option
from codeserver.cli.options.location import location_options
from codeserver.cli.options.output import output_option, write
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen


@click.command("config")
@job_argument(required=True)
@click.option("--schema", is_flag=True, help="Write the JSON Schema of the run config instead.")
@op_selection_option
@repository_option
@output_option
@click.option("--json", "as_json", is_flag=True, help="Print the whole reply as JSON.")
@location_options
def config_command(
    *,
    job: str,
    schema: bool,
    op_selection: tuple[str, ...],
    repository: str,
    output: Path | None,
    as_json: bool,
    where: Where,
) -> None:
    """Write a template of the run config of a job.

    It is YAML with comments. Required fields have a placeholder to replace; optional fields are
    commented out and have their defaults. With the schema, editors complete and check run config.
    """
    with client_of(where) as client:
        reply = client.run_config_schema(job, repository=repository, op_selection=op_selection)
    if as_json or schema:
        shown = screen.plain(reply if as_json else reply.json_schema)
        write(output, json.dumps(shown, indent=2, ensure_ascii=False), "json")
    else:
        write(output, reply.default_yaml, "yaml")
