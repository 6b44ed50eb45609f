"""`codeserver completion`, and the names of jobs that complete."""

from __future__ import annotations

import contextlib
import os
from itertools import islice

import click

from codeserver.cli.options.location import ADDRESS_VARIABLE, DEFAULT_ADDRESS, TARGET_OPTIONS
from codeserver.cli.printing import screen

_SECONDS = 1.0
"""Somebody has pressed the tab key and waits."""

_MOST = 200
"""No more than the server has on one page, so that there is one call to wait for."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print a script for the shell.

    With it, the tab key completes commands, options, and the names of jobs on a running server.

    \b
    bash   eval "$(codeserver completion bash)"         in ~/.bashrc
    zsh    eval "$(codeserver completion zsh)"          in ~/.zshrc
    fish   codeserver completion fish | source          in ~/.config/fish/config.fish
    """  # noqa: D301 - click reads this backspace
    from click.shell_completion import get_completion_class

    from codeserver.cli.commands import COMPLETION_VARIABLE, cli

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(cli, {}, "codeserver", COMPLETION_VARIABLE).source()
    screen.out().raw(script.strip() + "\n")


def job_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The jobs of the running server whose names begin so; none when that is not known at once."""
    given = context.params
    if any(given.get(name) for name in TARGET_OPTIONS):
        return []  # loading that would take too long
    address = given.get("address") or os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
    with contextlib.suppress(Exception):
        from codeserver.client import connect

        names = [f"{incomplete}*"] if incomplete.isidentifier() else []
        with connect(address, timeout=_SECONDS) as client:
            found = [job.name for job in islice(client.jobs(names), _MOST)]
        return [name for name in found if name.startswith(incomplete)]
    return []
