"""`codeserver health`, for frequent probes: without click and gRPC unless there is a problem."""

from __future__ import annotations

import os
import sys

from codeserver import default_address
from codeserver.probe.arguments import ADDRESS, parsed

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from typing import Any

    from codeserver.client.errors import ApiError
    from codeserver.client.identity import Identity

_METHOD = "/grpc.health.v1.Health/Check"

SECONDS = 5.0
LONGEST = 3600.0

_OPTIONS = ("address", *ADDRESS, "service", "location", "timeout")

LOCATION_PREFIX = "location/"
"""The service `location/NAME` of a server with several locations is the location NAME."""


def fast_health(argv: list[str]) -> int | None:
    """Probe a server as `codeserver health` with these arguments does.

    Returns:
        The exit code; None for arguments that are left to click, such as `--help` and mistakes.
    """
    options = parsed(argv, _OPTIONS, ("json",))
    if options is None:
        return None
    try:
        seconds = float(options.get("timeout", SECONDS))
        address = address_of(options)
    except Exception:  # The import of the error classes would take as long as all the rest.
        return None
    if not 0 < seconds <= LONGEST or {"service", "location"} <= options.keys():
        return None
    if address.startswith(default_address.TLS):
        return None
    service = service_of(options.get("service", ""), options.get("location", ""))
    return probe(address, service, seconds, as_json="json" in options)


def service_of(service: str, location: str) -> str:
    """The name by which the health service knows the service or the location, if one is given."""
    return f"{LOCATION_PREFIX}{location}" if location else service


def address_of(options: dict[str, str]) -> str:
    """The address that options and environment name; an `OperatorError` if they name several.

    It is in gRPC's form; one of TLS has `tls://` before it.
    """
    from codeserver.client.addresses import grpc_target

    named = [name for name in options if name in ("address", *ADDRESS)]
    if len(named) > 1 and set(named) != {"host", "port"}:
        from codeserver.errors import OperatorError

        raise OperatorError(f"--{named[0]} and --{named[1]} are both given; give one address.")
    if "socket" in named:
        return grpc_target(f"unix:{options['socket']}")
    if named and "address" not in named:
        host = options.get("host", default_address.HOST)
        return grpc_target(f"{host}:{options.get('port', default_address.PORT)}")
    given = options.get("address") or os.environ.get(default_address.VARIABLE)
    given = (given or default_address.ADDRESS).strip()
    return (default_address.TLS if given.startswith(default_address.TLS) else "") + grpc_target(
        given
    )


def probe(
    address: str,
    service: str,
    seconds: float,
    *,
    as_json: bool,
    identity: Identity | None = None,
) -> int:
    """Probe a server, and print its health. The exit code is 0 if it is SERVING, else 1.

    Args:
        address: of `address_of`.
        service: the name that the health service has for it.
        seconds: time limit of the answer.
        as_json: whether to print a JSON object.
        identity: files for TLS.
    """
    import time

    from codeserver.probe.asking import NotSure, ask

    deadline = time.monotonic() + seconds
    answer = {"status": "SERVING", "address": address, "service": service}
    try:
        if address.startswith(default_address.TLS):
            raise NotSure
        found = ask(address, service, seconds)
        answer["state"] = found.get("codeserver-state", "")
        answer["load_error"] = found.get("codeserver-load-error", "")
    except TimeoutError:
        answer |= _failed("TIMEOUT", f"{address} has not answered within {seconds:g} s.")
    except (NotSure, OSError):
        left = max(deadline - time.monotonic(), 0.001)
        answer |= _asked_thoroughly(address, service, left, identity)
    if as_json:
        import json

        print(json.dumps(answer))
    elif answer["status"] == "SERVING":
        print("SERVING")
    if answer["status"] == "SERVING":
        return 0
    print(answer["message"], file=sys.stderr)
    return 1


def _asked_thoroughly(
    address: str, service: str, seconds: float, identity: Identity | None
) -> dict[str, str]:
    """The answer that a real gRPC client gets."""
    import grpc

    from codeserver.client import connect
    from codeserver.client.identity import NOBODY
    from codeserver.client.translation import translated
    from codeserver.health_wire.health_pb2 import HealthCheckRequest, HealthCheckResponse

    with connect(address, identity=identity or NOBODY) as client:
        method = client.channel.unary_unary(
            _METHOD, HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
        )
        request = HealthCheckRequest(service=service)
        try:
            response, call = method.with_call(request, timeout=seconds)
        except grpc.RpcError as error:
            failure = translated(error, _METHOD, address, seconds)
            return _failed(*_explained(failure, address, service))
    names, number = HealthCheckResponse.ServingStatus, response.status
    status = names.Name(number) if number in names.values() else str(number)
    metadata: dict[Any, Any] = dict(call.trailing_metadata() or ())
    state = metadata.get("codeserver-state", "")
    load_error = metadata.get("codeserver-load-error", "")
    found = {"status": status, "state": state, "load_error": load_error}
    if status == "SERVING":
        return found
    is_what = f"the location is {state}" if state else "says the server"
    why = f"; the newest load has failed: {load_error}" if load_error else ""
    return {**found, "message": f"{status}: {is_what} ({address}){why}"}


def _explained(error: ApiError, address: str, service: str) -> tuple[str, str]:
    from codeserver.client import errors

    if isinstance(error, errors.NotFoundError):
        if service.startswith(LOCATION_PREFIX):
            name = f'"{service.removeprefix(LOCATION_PREFIX)}"'
            return "SERVICE_UNKNOWN", (
                f"{address} has no location {name}, or it has only one; leave --location out to "
                "ask for the whole server."
            )
        name = f'"{service}"'
        return "SERVICE_UNKNOWN", (
            f"{address} knows no service {name}; leave --service out to ask for the whole server."
        )
    if isinstance(error, errors.UnsupportedError):
        return "UNSUPPORTED", f"{address} is a gRPC server that has no health checks."
    if isinstance(error, errors.DeadlineExceededError):
        return "TIMEOUT", f"{address} has not answered in time."
    if isinstance(error, errors.UnavailableError):
        return "UNREACHABLE", error.message
    return error.code, error.message


def _failed(status: str, message: str) -> dict[str, str]:
    return {"status": status, "state": "", "load_error": "", "message": message}
