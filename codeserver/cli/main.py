"""The `codeserver` command."""

from __future__ import annotations

import sys
from importlib import metadata

import click

from codeserver.cli.grpc import grpc_command
from codeserver.errors import CodeserverError


@click.group(context_settings={"max_content_width": 100})
@click.version_option(metadata.version("codeserver"))
def cli() -> None:
    """A code location server for Dagster: fast to start, fast to reload, hard to kill."""


cli.add_command(grpc_command)


def main() -> None:
    """Run the command line; every expected error is one line on standard error."""
    try:
        cli()
    except CodeserverError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
