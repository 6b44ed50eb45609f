"""Service `grpc.health.v1`, derived from the location's state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc

from codeserver import lifecycle
from codeserver.front.handlers import Context
from codeserver.health_wire.health_pb2 import (
    HealthCheckRequest,
    HealthCheckResponse,
    HealthListRequest,
    HealthListResponse,
)
from codeserver.lifecycle import State
from codeserver.supervisor.current import Current
from codeserver.supervisor.loading.failure import LoadFailure
from codeserver.supervisor.loading.host import Host

_SERVICES = ("", "DagsterApi")
"""The server as a whole, and the name that Dagster's own health check asks for."""

_LAST_LOAD = "codeserver.LastLoad"
"""The name for the outcome of the last load, even if older code is served."""

_LONGEST_HEADLINE = 300


class Health:
    """The health service.

    The trailing metadata of `Check` adds what the protocol has no field for: `codeserver-state`,
    and `codeserver-load-error` if the last load failed.
    """

    def __init__(self, current: Current) -> None:
        self._current = current
        self._statuses: dict[str, HealthCheckResponse.ServingStatus] = {}
        self._changed = asyncio.Event()
        self._set(_LAST_LOAD, False)
        current.on_change(self._show_state)
        current.on_load_end(self._show_load)

    async def Check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:
        """The status; its cause is in trailing metadata."""
        detail = [("codeserver-state", self._current.state.value)]
        if (failure := self._current.served.failure) is not None:
            detail.append(("codeserver-load-error", _as_metadata(failure.headline)))
        context.set_trailing_metadata(tuple(detail))
        if request.service not in self._statuses:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return HealthCheckResponse(status=self._statuses[request.service])

    async def List(self, _: HealthListRequest, __: Context) -> HealthListResponse:
        """The status of every name."""
        statuses = self._statuses.items()
        return HealthListResponse(
            statuses={name: HealthCheckResponse(status=status) for name, status in statuses}
        )

    async def Watch(
        self, request: HealthCheckRequest, _: Context
    ) -> AsyncIterator[HealthCheckResponse]:
        """The status now and after each change."""
        told = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, HealthCheckResponse.SERVICE_UNKNOWN)
            if status != told:
                yield HealthCheckResponse(status=status)
            told = status
            await changed.wait()

    def _show_state(self, state: State) -> None:
        for service in _SERVICES:
            self._set(service, lifecycle.is_serving(state))

    def _show_load(self, outcome: LoadFailure | Host) -> None:
        self._set(_LAST_LOAD, isinstance(outcome, Host))

    def _set(self, service: str, is_serving: bool) -> None:
        status = HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
        self._statuses[service] = status
        self._changed.set()
        self._changed = asyncio.Event()


def _as_metadata(line: str) -> str:
    """The text in printable ASCII, as gRPC metadata requires, of limited length."""
    printable = line.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else " " for c in printable)[:_LONGEST_HEADLINE]
