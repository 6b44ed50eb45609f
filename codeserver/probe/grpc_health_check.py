"""`dagster api grpc-health-check` without click, gRPC and Dagster in plain cases.

Other cases are left to Dagster's own command: help, options that it refuses, TLS, and unexpected
replies. The options, messages and exit codes are those of `grpc_health_check_command` in
`dagster._cli.api`, Dagster 1.13.
"""

from __future__ import annotations

import os

from codeserver.probe.arguments import ADDRESS, parsed

_VARIABLES = "DAGSTER_CLI_API_GRPC_HEALTH_CHECK_"

_SERVICE = "DagsterApi"

SECONDS = 30.0
"""Time limit of the answer. The caller of a probe often has a shorter one; this is for callers
without any.
"""

_NO_ANSWER = 0
"""Status that Dagster's command prints for a server without an answer: the number of `UNKNOWN`."""


def health_check(argv: list[str]) -> int | None:
    """Probe a server as `dagster api grpc-health-check` with these arguments does.

    Returns:
        The exit code; None if the probe is left to Dagster's own command.
    """
    address = address_of(argv, os.environ)
    if address is None:
        return None

    from codeserver.probe.asking import NotServing, NotSure, ask

    try:
        ask(address, _SERVICE, SECONDS)
    except NotServing:
        return _failed("NOT_SERVING")
    except TimeoutError:
        print(f"DEADLINE_EXCEEDED: {address} has not answered within {SECONDS:g} s.")
        return _failed(_NO_ANSWER)
    except OSError as error:
        print(f"UNAVAILABLE: {address}: {error.strerror or error}")
        return _failed(_NO_ANSWER)
    except (NotSure, ValueError):
        return None
    print("gRPC connection successful")
    return 0


def _failed(status: str | int) -> int:
    print(f"Unable to connect to gRPC server: {status}")
    return 1


def address_of(argv: list[str], environment: os._Environ[str] | dict[str, str]) -> str | None:
    """The address that the options and the environment name; None if the case is not plain."""
    found = parsed(argv, ADDRESS)
    if found is None or "" in found.values() or environment.get(_VARIABLES + "USE_SSL"):
        return None
    port, socket, host = (
        found.get(name) or environment.get(_VARIABLES + name.upper()) for name in ADDRESS
    )
    if bool(port) == bool(socket):
        return None
    if socket:
        return "unix:" + os.path.abspath(socket)
    if not (port and port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        return None
    return f"{host or 'localhost'}:{port}"
