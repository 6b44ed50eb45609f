"""The `codeserver` command."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from codeserver.cli.options.spellings import Spelling

_ASCII = {"ascii", "us-ascii", "ansi_x3.4-1968", "646"}
"""Names of ASCII on various systems."""


def main() -> None:
    """Run the command line. Every expected error is one line on standard error."""
    _run(sys.argv[1:])


def serve_as_dagster(words: tuple[str, str], arguments: list[str]) -> None:
    """Run `codeserver grpc` in place of `dagster api grpc` or `dagster code-server start`."""
    from codeserver.cli.options.spellings import API_GRPC, CODE_SERVER_START

    spelling = API_GRPC if words == ("api", "grpc") else CODE_SERVER_START
    _run(["grpc", *arguments], spelling)


def _run(arguments: list[str], spelling: Spelling | None = None) -> None:
    try:
        _start(arguments, spelling)
    except KeyboardInterrupt:
        sys.exit(130)


def _start(arguments: list[str], spelling: Spelling | None) -> None:
    if arguments[:1] == ["health"]:
        from codeserver.probe.health import fast_health

        code = fast_health(arguments[1:])
        if code is not None:
            sys.exit(code)
    if arguments[:1] == ["grpc"] and "--help" not in arguments:
        from codeserver.cli import ahead

        with ahead.started(arguments):
            _run_command(arguments, spelling)
    else:
        _run_command(arguments, spelling)


def _run_command(arguments: list[str], spelling: Spelling | None) -> None:
    from codeserver.cli.commands import cli

    _prepare_output()
    cli(arguments, prog_name=spelling.group if spelling else None, obj=spelling)


def _prepare_output() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # The parent process has closed it.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure") and stream.errors != "backslashreplace":
            # In the locale C, Python's UTF-8 mode is off and the encoding is ASCII. The terminal
            # may well show more, so write UTF-8. In other locales, escape missing letters.
            is_c = stream.errors == "surrogateescape" and stream.encoding.lower() in _ASCII
            encoding = "utf-8" if is_c else stream.encoding
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
