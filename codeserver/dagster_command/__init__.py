"""The `dagster` command that `codeserver install-dagster` writes.

It serves code and probes servers with codeserver, and is Dagster's own command line for everything
else. Dagster's command line is a module of this Python and runs in this process. So it is not
searched for on PATH, where this command itself may come first, and signals, standard input and exit
codes need no forwarding.
"""

from __future__ import annotations

import sys

_PROBE = ("api", "grpc-health-check")
_SERVERS = (("api", "grpc"), ("code-server", "start"))
_PODS = (("api", "execute_run"), ("api", "execute_step"))
"""Commands that run launchers and executors start in pods."""

__all__ = ["main"]


def main() -> None:
    """Run the command line. Each command imports only the modules that it needs."""
    words = tuple(sys.argv[1:3])
    if words == _PROBE:
        from codeserver.probe.grpc_health_check import health_check

        code = health_check(sys.argv[3:])
        if code is not None:
            sys.exit(code)
    if words in _SERVERS:
        from codeserver.cli.main import serve_as_dagster

        serve_as_dagster((words[0], words[1]), sys.argv[3:])
        return
    if words in _PODS:
        from codeserver.dagster_command.pods import command

        execute = command(words[1], sys.argv[3:])
        if execute is not None:
            execute()
            return
    _be_dagster()


def _be_dagster() -> None:
    """Run `python -m dagster` in this process, under the name of this command."""
    import runpy

    runpy.run_module("dagster", run_name="__main__")
