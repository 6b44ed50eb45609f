"""Every command, with its help. The module of a command is imported on its first use."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from codeserver.cli.options.spellings import Spelling
from codeserver.errors import CodeserverError

_INTERRUPTED, _READER_GONE = 130, 141
"""Exit codes that shells report for programs ended by SIGINT and by SIGPIPE."""

COMPLETION_VARIABLE = "_CODESERVER_COMPLETE"
"""Variable by which a shell asks for completions; independent of the name of the program."""

_SECTIONS: dict[str, dict[str, str]] = {
    "Serve": {
        "grpc": "Serve Dagster definitions over gRPC.",
        "snapshot": "Write a snapshot, which a server serves until it has loaded the code.",
    },
    "Inspect code, in a file or on a running server": {
        "list": "List jobs, assets, asset checks, schedules, sensors, resources.",
        "graph": "Draw the dependencies in a job or between assets.",
        "plan": "Show the steps that a run would execute.",
        "config": "Write a template of the run config of a job.",
        "partitions": "List partition keys.",
        "check": "Load code, and show its definitions or its error.",
    },
    "Look after a running server": {
        "status": "Show the state of a server and the code that it serves.",
        "reload": "Load the code again, and show the changes.",
        "workspace": "Write a workspace.yaml by which Dagster reaches the locations of a server.",
        "health": "Probe a server, for containers: exit code 0 when it is SERVING, else 1.",
    },
    "Build images": {
        "dockerfile": "Write a Dockerfile for the project in the current directory.",
        "install-dagster": "Write a `dagster` command that serves code with codeserver.",
    },
    "Shell": {
        "completion": "Print a script for the shell.",
    },
}
"""Each command with its help. The command NAME is the function `NAME_command` of module NAME."""

_HELP = {name: text for section in _SECTIONS.values() for name, text in section.items()}


def _file_without_option(command: click.Command, arguments: list[str]) -> str | None:
    """The first Python file without an option, if the command takes such a file by an option."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    if not any(option.name == "python_file" for option in options):
        return None
    with_value = {
        flag for option in options if not (option.is_flag or option.count) for flag in option.opts
    }
    before = ""
    for argument in arguments:
        is_file = argument.endswith(".py") and not argument.startswith("-")
        if is_file and before not in with_value:
            return argument
        before = argument
    return None


class _Commands(click.Group):
    """Imports a command on its first use, and turns errors and signals into exit codes."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_HELP)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _HELP:
            return None
        module = name.replace("-", "_")
        # `python -X importtime` lists this import, unlike one by importlib.
        imported = __import__(f"codeserver.cli.commands.{module}", fromlist=["*"])
        command = getattr(imported, f"{module}_command")
        assert isinstance(command, click.Command)
        if command.help:
            # Click does not fold a paragraph after this mark. Docstrings with a backslash are raw.
            command.help = command.help.replace(r"\b", "\b")
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command as click does; an error for an unknown name suggests the nearest one.

        Help and errors show the returned name.
        """
        is_name = args and not args[0].startswith("-")
        if is_name and args[0] not in _HELP and not context.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(args[0], _HELP, 1)
            hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(_HELP)}."
            context.fail(f"There is no command {args[0]!r}; {hint}")
        name, command, rest = super().resolve_command(context, args)
        spelling = context.find_object(Spelling)
        name = spelling.command if spelling else name
        if command is not None and not context.resilient_parsing:
            file = _file_without_option(command, rest)
            if file is not None:
                whole = f"{context.command_path} {name} -f {file}"
                context.fail(f"{file} is given without an option; write {whole}.")
        return name, command, rest

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _HELP))
        for title, entries in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in entries.items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list[Any]:
        """The names of the commands and their help, without importing them."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, text in _HELP.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, context, incomplete)

    def invoke(self, context: click.Context) -> Any:
        with _endings():
            result = super().invoke(context)
            sys.stdout.flush()
            return result

    def main(self, *args: Any, **extra: Any) -> Any:
        extra.setdefault("complete_var", COMPLETION_VARIABLE)
        return super().main(*args, **extra)


@contextlib.contextmanager
def _endings() -> Iterator[None]:
    """Turn expected errors into a message and an exit code; Ctrl-C and SIGPIPE print nothing."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(_INTERRUPTED) from None
    except BrokenPipeError:
        # Send the rest of the buffer to /dev/null, or Python would fail to write it at exit.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        raise click.exceptions.Exit(_READER_GONE) from None
    except CodeserverError as error:
        from codeserver.cli.printing.failures import failure_of

        raise failure_of(error) from None


@click.group(cls=_Commands, name="codeserver", context_settings={"max_content_width": 100})
@click.version_option(package_name="codeserver", prog_name="codeserver")
def cli() -> None:
    """A code location server for Dagster: fast to start, fast to reload, hard to kill."""
