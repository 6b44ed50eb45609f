"""Service `grpc.health.v1`, derived from the states of locations."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from itertools import islice

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

_SERVICES = ("", "DagsterApi")
"""The server as a whole, and the name that Dagster's own health check asks for."""

_LAST_LOAD = "codeserver.LastLoad"
"""The name for the outcome of the last load, even if older code is served."""

_LOCATIONS = "codeserver.Locations"
"""The name for all of several locations: SERVING while each of them is."""

_LONGEST_HEADLINE = 300
_MOST_ERRORS = 10
"""Load errors of several locations in the metadata, of which clients take 8 KiB."""

Details = list[tuple[str, str]]


class _Statuses:
    """The servicer: the status of each name, and a cause in trailing metadata of `Check`.

    Args:
        details: makes the trailing metadata.
    """

    def __init__(self, details: Callable[[], Details]) -> None:
        self._details = details
        self._statuses: dict[str, HealthCheckResponse.ServingStatus] = {}
        self._changed = asyncio.Event()
        self._is_over = False

    def end_streams(self) -> None:
        """End the streams of `Watch`."""
        self._is_over = True
        self._tell()

    async def Check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:
        """The status; its cause is in trailing metadata."""
        context.set_trailing_metadata(tuple(self._details()))
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
            if self._is_over:
                return
            await changed.wait()

    def _set(self, statuses: Mapping[str, bool]) -> None:
        for service, is_serving in statuses.items():
            self._statuses[service] = (
                HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
            )
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Health(_Statuses):
    """The health of one location.

    The trailing metadata of `Check` adds what the protocol has no field for: `codeserver-state`,
    and `codeserver-load-error` if the last load failed.
    """

    def __init__(self, current: Current) -> None:
        super().__init__(self._states)
        self.follow(current)

    def follow(self, current: Current) -> None:
        """Tell of this location from now on, which has replaced the previous one, if any."""
        self._current = current
        current.on_change(partial(self._show_state, current))
        current.on_load_end(lambda _: self._show_load(current))
        self._show_load(current)

    def _states(self) -> Details:
        details = [("codeserver-state", self._current.state.value)]
        if (failure := self._current.served.failure) is not None:
            details.append(("codeserver-load-error", _as_metadata(failure.headline)))
        return details

    def _show_state(self, current: Current, state: State) -> None:
        if current is self._current:
            self._set(dict.fromkeys(_SERVICES, lifecycle.is_serving(state)))

    def _show_load(self, current: Current) -> None:
        if current is self._current:
            self._set({_LAST_LOAD: current.has_loaded})


class WholeHealth(_Statuses):
    """The health of a server with several locations.

    It is SERVING while any location is, so that a location that cannot be loaded keeps nobody from
    the others. `codeserver.Locations` is SERVING while all are, and `location/NAME` while that one
    is. The trailing metadata of `Check` says how many are in each state, and has load errors.
    """

    def __init__(self) -> None:
        super().__init__(self._states)
        self._locations: dict[str, Current] = {}
        self._show()

    def follow(self, name: str, current: Current) -> None:
        """Tell of this location from now on, in place of the previous one of this name, if any."""
        self._locations[name] = current
        current.on_change(lambda _: self._show())
        current.on_load_end(lambda _: self._show())

    def forget(self, name: str) -> None:
        """Tell of this location no longer."""
        del self._locations[name]
        self._statuses.pop(_status_name(name), None)
        self._show()

    def _states(self) -> Details:
        states = Counter(current.state.value for current in self._locations.values())
        said = ", ".join(f"{count} {state}" for state, count in states.most_common())
        failures = (
            (name, failure.headline)
            for name, current in self._locations.items()
            if (failure := current.served.failure) is not None
        )
        return [
            ("codeserver-state", said),
            *(
                ("codeserver-load-error", _as_metadata(f"{name}: {headline}"))
                for name, headline in islice(failures, _MOST_ERRORS)
            ),
        ]

    def _show(self) -> None:
        serving = {
            name: lifecycle.is_serving(current.state) for name, current in self._locations.items()
        }
        last_loads = [current.has_loaded for current in self._locations.values()]
        self._set(
            {
                **dict.fromkeys(_SERVICES, any(serving.values())),
                _LOCATIONS: bool(serving) and all(serving.values()),
                _LAST_LOAD: bool(serving) and all(last_loads),
                **{_status_name(name): is_serving for name, is_serving in serving.items()},
            }
        )


def _status_name(location: str) -> str:
    return f"location/{location}"


def _as_metadata(line: str) -> str:
    """The text in printable ASCII, as gRPC metadata requires, of limited length."""
    printable = line.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(c if c.isprintable() else " " for c in printable)[:_LONGEST_HEADLINE]
