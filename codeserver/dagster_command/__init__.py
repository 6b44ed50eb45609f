"""The `dagster` command that `codeserver install-dagster` writes.

It serves code and probes servers with codeserver, and is Dagster's own command line for everything
else. Dagster's command line is a module of the Python that has the code, and runs in this process.
So it is not searched for on PATH, where this command itself may come first, and signals, standard
input and exit codes need no forwarding.
"""

from __future__ import annotations

import os
import sys

_PROBE = ("api", "grpc-health-check")
_SERVERS = (("api", "grpc"), ("code-server", "start"))
_PODS = (("api", "execute_run"), ("api", "execute_step"))
"""Commands that run launchers and executors start in pods."""

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["main"]


def main(python: str | None = None) -> None:
    """Run the command line. Each command imports only the modules that it needs.

    Args:
        python: the Python that has the code and Dagster, if it is another one.
    """
    words = tuple(sys.argv[1:3])
    if words == _PROBE:
        from codeserver.probe.grpc_health_check import health_check

        code = health_check(sys.argv[3:])
        if code is not None:
            sys.exit(code)
    if words in _SERVERS:
        from codeserver.cli.main import serve_as_dagster

        other = [] if python is None else ["--python", python]
        serve_as_dagster((words[0], words[1]), [*other, *sys.argv[3:]])
        return
    if python is not None:
        _go_on_in(python)
    if words in _PODS:
        from codeserver.dagster_command.pods import command

        execute = command(words[1], sys.argv[3:])
        if execute is not None:
            execute()
            return
    _be_dagster()


def _go_on_in(python: str) -> NoReturn:
    """Run the command line with another Python, in which codeserver is not installed."""
    from codeserver.elsewhere import program

    # The first directory is that of Dagster's own script. The name of this one follows the program.
    main = f"sys.path[0] = {os.path.dirname(python)!r}; del sys.argv[0]; "
    main += "from codeserver.dagster_command import main; main()"
    os.execv(python, [python, "-c", program(main), *sys.argv])


def _be_dagster() -> None:
    """Run `python -m dagster` in this process, under the name of this command."""
    import runpy

    runpy.run_module("dagster", run_name="__main__")
