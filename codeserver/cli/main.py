"""The `codeserver` command."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from codeserver.cli.commands import cli

__all__ = ["cli", "main"]


def __getattr__(name: str) -> object:
    """`cli`, imported when somebody asks for it: a health probe does without click."""
    if name == "cli":
        from codeserver.cli.commands import cli

        return cli
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Run the command line; every expected error is one line on standard error."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(130)


def _run() -> None:
    if sys.argv[1:2] == ["health"]:
        from codeserver.cli.health import fast_health

        code = fast_health(sys.argv[2:])
        if code is not None:
            sys.exit(code)
    if sys.argv[1:2] == ["grpc"] and "--help" not in sys.argv:
        from codeserver.cli import ahead

        with ahead.started():
            _run_command()
    else:
        _run_command()


def _run_command() -> None:
    from codeserver.cli.commands import cli

    _prepare_output()
    cli()


def _prepare_output() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever has started this
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure") and stream.errors == "strict":
            # A name that the terminal has no letters for is shown in another way.
            stream.reconfigure(errors="backslashreplace")
