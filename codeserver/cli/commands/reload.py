"""`codeserver reload`: load the code again, and show the changes."""

from __future__ import annotations

import click

from codeserver.cli.options.location import patient_options
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen
from codeserver.cli.printing.location import changes_in_words, load_time


@click.command("reload")
@click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON.")
@patient_options
def reload_command(as_json: bool, where: Where) -> None:
    """Load the code again, and show the changes.

    Requests and runs in flight finish with the old code. If the new code does not load, the server
    keeps the old code, the error is shown, and the exit code is 1.
    """
    with client_of(where) as client, screen.err().waiting("loading"):
        before = client.location()
        reply = client.reload()
    out = screen.out()
    if as_json:
        out.json(reply)
        return
    location = reply.location
    out.line(
        *(("reload", "bold"), f" #{location.generation}  {load_time(location)}  "),
        *changes_in_words(reply.changes, before),
    )
