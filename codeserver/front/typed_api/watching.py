"""The stream of a location's changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from codeserver.api.v1.code_location_pb2 import WatchLocationResponse
from codeserver.api.v1.location_pb2 import DefinitionChange
from codeserver.front.typed_api.location_message import LocationMessages
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.loading.differences import differences
from codeserver.supervisor.loading.snapshot import Definitions
from codeserver.supervisor.location import Location

_ACTIONS = {
    "+": DefinitionChange.ACTION_ADDED,
    "~": DefinitionChange.ACTION_CHANGED,
    "-": DefinitionChange.ACTION_REMOVED,
}


class Watching:
    """Sends the location's changes to watchers."""

    def __init__(self, location: Location, messages: LocationMessages) -> None:
        self._location = location
        self._messages = messages
        self._changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._version = 0
        self._is_over = False
        location.current.on_change(lambda _: self._tell())
        location.current.on_load_end(lambda _: self._tell())

    async def responses(self) -> AsyncIterator[WatchLocationResponse]:
        """The state now and after each change; a slow reader gets only the newest state."""
        before: Definitions | None = None
        told: tuple[object, ...] = ()
        current = self._location.current
        while True:
            version, changed = self._version, self._changed
            served = current.served
            definitions = await definitions_of(served.generation)
            facts = (current.state, self._location.load_counts.ended, current.unloaded_at)
            verdict = served.generation and served.generation.host.run_modes.verdict
            now = (*facts, verdict, served.generation)
            if now != told and current.served is served:
                message = self._messages.make()
                yield WatchLocationResponse(location=message, changes=changes(before, definitions))
                told = now
                before = before if definitions is None else definitions
            if version != self._version:
                continue
            if self._is_over:
                return
            await asyncio.shield(changed)

    def end(self) -> None:
        """End every stream, because the server stops."""
        self._is_over = True
        self._tell()

    def _tell(self) -> None:
        self._version += 1
        told, self._changed = self._changed, asyncio.get_running_loop().create_future()
        told.set_result(None)


async def definitions_of(served: Generation | None) -> Definitions | None:
    """The digests of the generation's definitions; None if they are not known."""
    if served is None or served.snapshot.definitions is None:
        return None
    return await asyncio.shield(served.snapshot.definitions)


def changes(before: Definitions | None, after: Definitions | None) -> Sequence[DefinitionChange]:
    """The differences between two sets of definitions; empty if one of them is not known."""
    if before is None or after is None:
        return []
    return [
        DefinitionChange(action=_ACTIONS[change.sign], kind=change.kind, name=change.name)
        for change in differences(before, after)
    ]
