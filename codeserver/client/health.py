"""Health checks of any gRPC server (`grpc.health.v1`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from codeserver.client.synchronous import connect
from codeserver.client.translation import translated

_METHOD = "/grpc.health.v1.Health/Check"


@dataclass(frozen=True)
class Health:
    """The health of a server.

    Attributes:
        status: `SERVING`, `NOT_SERVING`, `UNKNOWN` or `SERVICE_UNKNOWN`; the number of another
            status.
        state: state of the code location; empty if the server is not codeserver.
        load_error: error of the newest load; empty if it has not failed.
    """

    status: str
    state: str = ""
    load_error: str = ""


def check(address: str, service: str = "", *, timeout: float) -> Health:
    """Ask a server for its health.

    Args:
        address: address of the server; see `codeserver.connect`.
        service: name of the service; empty for the server as a whole.
        timeout: limit in seconds.

    Raises:
        ApiError: there is no answer; `NotFoundError` if the server does not know the service.
    """
    import grpc

    from codeserver.health_wire.health_pb2 import HealthCheckRequest, HealthCheckResponse

    with connect(address, timeout=timeout) as client:
        method = client.channel.unary_unary(
            _METHOD, HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
        )
        try:
            response, call = method.with_call(HealthCheckRequest(service=service), timeout=timeout)
        except grpc.RpcError as error:
            raise translated(error, _METHOD, client.address, timeout) from None
        metadata = dict(cast("list[tuple[str, str]]", call.trailing_metadata() or ()))
    names = HealthCheckResponse.ServingStatus
    known = response.status in names.values()
    return Health(
        names.Name(response.status) if known else str(response.status),
        metadata.get("codeserver-state", ""),
        metadata.get("codeserver-load-error", ""),
    )
