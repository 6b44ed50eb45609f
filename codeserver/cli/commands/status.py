"""`codeserver status`: the state of a server and the code that it serves."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from codeserver.cli.options.location import server_options
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen
from codeserver.cli.printing.changes import Watched
from codeserver.cli.printing.failures import FAILED
from codeserver.cli.printing.location import serves_code, show_location

if TYPE_CHECKING:
    from codeserver.client import Client


@click.command("status")
@click.option("--watch", is_flag=True, help="Go on, and print a line at each change.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --watch, an object a line.")
@server_options
@click.pass_context
def status_command(context: click.Context, watch: bool, as_json: bool, where: Where) -> None:
    """Show the state of a server and the code that it serves.

    The exit code is 0 if the server serves code, 1 if the load has failed or the first load is
    under way, and 2 if there is no server.
    """
    options = ("--watch",) if watch else ()  # for a server that this command starts
    with client_of(where, options=options, allow_failure=True) as client:
        if watch:
            _watch(client, as_json)
            return
        location = client.location()
    if as_json:
        screen.out().json(location)
    else:
        show_location(screen.out(), location, datetime.now().astimezone())
    if not serves_code(location):
        context.exit(FAILED)


def _watch(client: Client, as_json: bool) -> None:
    out, watched = screen.out(), Watched()
    for response in client.watch():
        if as_json:
            out.json(response, indent=None)
            continue
        for parts in watched.lines(response, datetime.now().astimezone()):
            out.line(*parts)
        out.flush()
