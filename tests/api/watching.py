"""A reader of WatchLocation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import grpc

from codeserver.api import v1
from tests.api.calling import LIMIT, Api

State = v1.Location.State


class Watch:
    """An open stream; a context manager that ends it. Each wait is under the call's deadline.

    Args:
        api: the server to watch.
        location: the name of the location; empty for the only one.
        deadline: of the whole stream in seconds.
    """

    def __init__(self, api: Api, location: str = "", *, deadline: float = LIMIT) -> None:
        request = v1.WatchLocationRequest(location=location)
        self.stream: Any = api.stub.WatchLocation(request, timeout=deadline)
        self.messages: list[v1.WatchLocationResponse] = []

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.cancel()

    def next(self) -> v1.WatchLocationResponse:
        """The next message."""
        message: v1.WatchLocationResponse = next(self.stream)
        self.messages.append(message)
        return message

    def until(self, holds: Callable[[v1.Location], bool]) -> v1.WatchLocationResponse:
        """Messages until one of which this holds; that one."""
        while True:
            message = self.next()
            if holds(message.location):
                return message

    def until_state(self, state: State) -> v1.WatchLocationResponse:
        """Messages until the location is in this state."""
        return self.until(lambda location: location.state == state)

    def rest(self) -> grpc.StatusCode:
        """Every message until the stream ends by itself; how it ended."""
        with contextlib.suppress(grpc.RpcError):
            self.messages.extend(self.stream)
        code: grpc.StatusCode = self.stream.code()
        return code

    @property
    def states(self) -> list[str]:
        """The states that were told, without their prefix."""
        return [
            v1.Location.State.Name(message.location.state).removeprefix("STATE_")
            for message in self.messages
        ]


def changes_of(message: Any) -> list[str]:
    """What has changed, in short, such as `+job nightly`."""
    signs = {1: "+", 2: "~", 3: "-"}
    return [f"{signs[each.action]}{each.kind} {each.name}" for each in message.changes]
