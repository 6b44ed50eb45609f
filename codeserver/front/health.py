"""`grpc.health.v1`, derived from the location's state and never set by hand."""

from __future__ import annotations

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio

from codeserver import lifecycle
from codeserver.front.handlers import Context
from codeserver.lifecycle import State
from codeserver.supervisor.generation import LoadFailure
from codeserver.supervisor.host import Host
from codeserver.supervisor.location import Location
from codeserver.supervisor.tasks import Tasks

_SERVICES = ("", "DagsterApi")
"""The server as a whole, and the name that Dagster's own health check asks for."""

_LAST_LOAD = "codeserver.LastLoad"
"""Whether the code was loaded when that was last tried, whatever is served."""

_LONGEST_HEADLINE = 300


class Health:
    """The health service.

    Attributes:
        servicer: to be added to the gRPC server.
    """

    def __init__(self, location: Location, tasks: Tasks) -> None:
        self.servicer = _Servicer(location)
        self._tasks = tasks
        self._set(_LAST_LOAD, False)
        location.on_change(self._show_state)
        location.on_load(self._show_load)

    def _show_state(self, state: State) -> None:
        for service in _SERVICES:
            self._set(service, lifecycle.is_serving(state))

    def _show_load(self, outcome: LoadFailure | Host) -> None:
        self._set(_LAST_LOAD, isinstance(outcome, Host))

    def _set(self, service: str, is_serving: bool) -> None:
        statuses = health_pb2.HealthCheckResponse
        status = statuses.SERVING if is_serving else statuses.NOT_SERVING
        self._tasks.start("show health", self.servicer.set(service, status))


class _Servicer(aio.HealthServicer):  # type: ignore[misc]
    """Says more than the protocol has a place for in trailing metadata.

    That is `codeserver-state`, and `codeserver-load-error` while the newest load is one that has
    failed.
    """

    def __init__(self, location: Location) -> None:
        super().__init__()
        self._location = location

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """The status, and in trailing metadata what is behind it."""
        detail = [("codeserver-state", self._location.state.value)]
        if (failure := self._location.last_failure) is not None:
            detail.append(("codeserver-load-error", _as_metadata(failure.headline)))
        context.set_trailing_metadata(tuple(detail))
        return await super().Check(request, context)


def _as_metadata(line: str) -> str:
    """The text as metadata can have it."""
    printable = line.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else " " for c in printable)[:_LONGEST_HEADLINE]
