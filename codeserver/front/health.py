"""`grpc.health.v1`, derived from the location's state and never set by hand."""

from __future__ import annotations

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio

from codeserver import lifecycle
from codeserver.lifecycle import State
from codeserver.supervisor.location import Location
from codeserver.supervisor.tasks import Tasks

_SERVICES = ("", "DagsterApi")
"""The server as a whole, and the name that Dagster's own health check asks for."""


class Health:
    """The health service.

    Attributes:
        servicer: to be added to the gRPC server.
    """

    def __init__(self, location: Location, tasks: Tasks) -> None:
        self.servicer = aio.HealthServicer()
        self._tasks = tasks
        location.on_change(self._show)

    def _show(self, state: State) -> None:
        self._tasks.start("show health", self._set(state))

    async def _set(self, state: State) -> None:
        statuses = health_pb2.HealthCheckResponse
        serving = lifecycle.is_serving(state)
        for service in _SERVICES:
            await self.servicer.set(service, statuses.SERVING if serving else statuses.NOT_SERVING)
