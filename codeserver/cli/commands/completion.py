"""`codeserver completion`: the script for the shell."""

from __future__ import annotations

import click

from codeserver.cli.commands import COMPLETION_VARIABLE
from codeserver.cli.printing import screen


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print a script for the shell.

    With it, the tab key completes commands, options, and the names of jobs on a running server.

    \b
    bash   eval "$(codeserver completion bash)"         in ~/.bashrc
    zsh    eval "$(codeserver completion zsh)"          in ~/.zshrc
    fish   codeserver completion fish | source          in ~/.config/fish/config.fish
    """  # noqa: D301 - click reads this backspace
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    whole = context.find_root().command
    script = kind(whole, {}, "codeserver", COMPLETION_VARIABLE).source()
    screen.out().raw(script.strip() + "\n")
