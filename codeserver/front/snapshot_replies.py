"""Replies from a generation's snapshot, encoded once and sent many times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from codeserver.front.encoding import chunk_messages, string_field
from codeserver.front.once import Once
from codeserver.supervisor.loading.snapshot import Snapshot

_TEXT = 1  # the number of the field in each of these replies


class SnapshotReplies:
    """The encoded replies of one generation."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._replies = Once()
        self.list_repositories = string_field(_TEXT, snapshot.listing)

    def has_repository(self, name: str) -> bool:
        """Whether the location has a repository of this name that is not dynamic."""
        found = self._snapshot.repositories.get(name)
        return found is not None and not found.is_dynamic

    async def repository(
        self, name: str, *, streamed: bool, whole: Callable[[], Awaitable[bytes]] | None
    ) -> list[bytes]:
        """The messages of an `ExternalRepository` reply, or of its stream.

        Args:
            name: name of the repository, for which `has_repository` is true.
            streamed: encode it in chunks, for `StreamingExternalRepository`.
            whole: makes the snapshot with every job in it; None for the snapshot with deferred
                jobs.
        """

        async def make() -> list[bytes]:
            text = await whole() if whole else self._snapshot.repositories[name].deferred
            if streamed:
                return await asyncio.to_thread(chunk_messages, text)
            return [await asyncio.to_thread(string_field, _TEXT, text)]

        key = ("repository", name, f"{streamed}", f"{whole is not None}")
        return await self._replies.get(key, make)

    async def job(self, repository: str, name: str) -> bytes | None:
        """An `ExternalJob` reply; None if the snapshot does not have the job."""
        if not self.has_repository(repository):
            return None
        found = self._snapshot.repositories[repository]
        if name not in found.jobs:
            return None

        async def make() -> bytes | None:
            text = await asyncio.shield(found.jobs[name])
            return None if text is None else string_field(_TEXT, text)

        return await self._replies.get(("job", repository, name), make)
