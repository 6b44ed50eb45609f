"""The ids by which clients notice that a location has changed. Pure: `now` is an argument."""

from __future__ import annotations

_LENGTH = 32
_MEMORY_SECONDS = 60.0


class ServerIds:
    """Gives each load an id derived from its content.

    Equal replicas have equal ids, and a restart or a reload without a change keeps the id. Every
    change of the content changes the id, even a change back. The webserver compares ids once a
    second, so an id that returned too soon would hide both changes. An id that was served within
    the last minute therefore gets a suffix.

    Args:
        fixed: the operator's `--fixed-server-id`. It is the id of the first content; later content
            gets a suffix, so that clients notice a reload.
    """

    def __init__(self, fixed: str | None) -> None:
        self._fixed = fixed
        self._first_digest: str | None = None
        self._digest: str | None = None
        self._number = 0
        self._left: dict[str, float] = {}
        self.current = ""

    def take(self, digest: str, now: float) -> str:
        """The id for the content with this digest, which is served from now on."""
        if digest == self._digest:
            return self.current
        self._number += 1
        if self._digest is not None:
            self._left[self.current] = now
        self._left = {i: left for i, left in self._left.items() if now - left < _MEMORY_SECONDS}
        self._first_digest = self._first_digest or digest
        self._digest = digest
        wanted = self._name(digest)
        self.current = f"{wanted}-{self._number}" if wanted in self._left else wanted
        return self.current

    def _name(self, digest: str) -> str:
        if self._fixed is None:
            return digest[:_LENGTH]
        return self._fixed if digest == self._first_digest else f"{self._fixed}-{digest[:_LENGTH]}"
