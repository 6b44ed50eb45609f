"""The locations of a server by name, and the service that finds the one that a call is about."""

from __future__ import annotations

from collections.abc import Sequence

from codeserver.api.v1 import code_location_pb2 as pb
from codeserver.errors import InvalidRequest, NotFound
from codeserver.front.handlers import Context, Forwarding
from codeserver.front.typed_api import load_errors
from codeserver.front.typed_api.refusals import missing, named
from codeserver.front.typed_api.service import CodeLocationApi

_MOST_ERROR_BYTES = 1_000_000
"""Bytes of all load errors in one list; clients accept messages of 4 MiB."""


class Directory:
    """The locations of a server, in the order of their file. They may change while it serves."""

    def __init__(self) -> None:
        self._apis: dict[str, CodeLocationApi] = {}

    @property
    def names(self) -> Sequence[str]:
        """The names, in order."""
        return tuple(self._apis)

    def add(self, name: str, api: CodeLocationApi) -> None:
        """Add a location at the end; a `ValueError` if the name is taken."""
        if name in self._apis:
            raise ValueError(f"there is a location {name} already")
        self._apis[name] = api

    def remove(self, name: str) -> None:
        """Remove a location, and end its streams after their last message."""
        self._apis.pop(name).end_streams()

    def replace(self, name: str, api: CodeLocationApi) -> None:
        """Have another api answer for this name; the streams of the previous one end."""
        self._apis[name].end_streams()
        self._apis[name] = api

    def arrange(self, names: Sequence[str]) -> None:
        """Put the locations into this order; names of others are ignored."""
        rank = {name: number for number, name in enumerate(names)}
        ordered = sorted(self._apis, key=lambda name: rank.get(name, len(rank)))
        self._apis = {name: self._apis[name] for name in ordered}

    def find(self, name: str) -> CodeLocationApi:
        """The location of this name; for an empty name, the only location.

        Raises:
            InvalidRequest: the name is empty, and there are several locations.
            NotFound: there is no such location; the error suggests a similar name.
        """
        apis = self._apis
        if (api := apis.get(name)) is not None:
            return api
        if name:
            raise missing("location", name, tuple(apis))
        if len(apis) > 1:
            raise _unnamed(tuple(apis))
        for only in apis.values():
            return only
        raise NotFound("This server has no locations.")

    def end_streams(self) -> None:
        """End the streams of all locations, because the server stops."""
        for api in self._apis.values():
            api.end_streams()


class CodeLocationService(Forwarding):
    """The typed API of a server, or of an address of one location: one method for each RPC.

    Args:
        directory: the locations that calls may be about.
    """

    def __init__(self, directory: Directory) -> None:
        super().__init__(CodeLocationApi, lambda request: directory.find(request.location))
        self._directory = directory

    async def ListLocations(
        self, _request: pb.ListLocationsRequest, _: Context
    ) -> pb.ListLocationsResponse:
        """Every location, in order."""
        names = self._directory.names
        room = _MOST_ERROR_BYTES // max(len(names), 1)
        response = pb.ListLocationsResponse()
        for name in names:
            location = response.locations.add()
            location.CopyFrom(self._directory.find(name).describe())
            location.ClearField("imports")
            if location.HasField("load_error"):
                location.load_error.CopyFrom(load_errors.shortened(location.load_error, room))
        return response


def _unnamed(names: Sequence[str]) -> InvalidRequest:
    """The error for a call that names none of several locations."""
    detail = {
        "type": "field",
        "field": "location",
        "description": f"it is empty, and the server has {len(names)} locations",
    }
    return InvalidRequest(
        f"This server has {len(names)} locations; name one of them (--location): {named(names)}.",
        [detail],
    )
