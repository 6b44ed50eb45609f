"""A server whose code is edited, and the time until an edit is served."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.calls import RELOAD_SECONDS, attempt
from bench.files import Draft
from bench.reload.subjects import Location
from bench.servers import KINDS as ALL_KINDS
from bench.servers import Kind, Server

OURS = Kind("ours", "codeserver grpc --watch", ("-m", "codeserver", "grpc", "--watch"))
STOCK = ALL_KINDS["code-server"]
KINDS = {kind.key: kind for kind in (OURS, STOCK)}

_POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Edit:
    """How long an edit took to be served.

    Attributes:
        new_id: seconds from just before the file was replaced until GetServerId said another id.
        visible: likewise, until a repository with the new job was fetched.
    """

    new_id: float
    visible: float


class EditedServer(Server):
    """A running server of a location whose file may be edited.

    Args:
        kind: which program it is.
        folder: an empty folder for all that belongs to it.
        location: what it serves.
    """

    def __init__(self, kind: Kind, folder: Path, location: Location) -> None:
        # In a folder of its own, so that nothing but edits changes where it is watched.
        code = location.place(folder / "code")
        super().__init__(kind, folder, code)
        self.location = location
        self._source = code.read_text("utf-8")
        self._edition = 0
        self._reloader = ThreadPoolExecutor(1)

    def edit(self) -> Edit:
        """Save the file with a job of another name, and wait until that job is served.

        A stock server is told to reload right after the file was saved, as it must be, and its
        answer to that is waited for, too, without being measured.

        Raises:
            RuntimeError: the job is not there in time, or another server id came without it.
        """
        self._edition += 1
        text, job = self.location.edition(self._source, self._edition)
        draft = Draft(self.code, text)
        with self.calls.polling_ids() as server_id:
            old = server_id()
            began = time.monotonic()
            draft.save()
            reload = self._reload()
            while (now := attempt(server_id)).answer in (None, old):
                _check(began, f"GetServerId says {now}")
                time.sleep(_POLL_SECONDS)
            new_id = time.monotonic() - began
        while (fetched := attempt(self._fetch)).answer is None:
            _check(began, f"the repository cannot be fetched: {fetched}")
            time.sleep(_POLL_SECONDS)
        visible = time.monotonic() - began
        if f'"{job}"' not in fetched.answer:
            raise RuntimeError(f"there is another server id, but no {job}")
        if reload is not None:
            reload.result()
        return Edit(new_id, visible)

    def _reload(self) -> Future[str] | None:
        if self.kind == OURS:
            return None
        return self._reloader.submit(self.calls.reload)

    def _fetch(self) -> str:
        """What the webserver asks for when the server id is another."""
        self.calls.list_repositories()
        return self.calls.repository()

    def close(self) -> None:
        """Kill it and everything that it has started."""
        super().close()
        self._reloader.shutdown()


def _check(began: float, state: str) -> None:
    if time.monotonic() > began + RELOAD_SECONDS:
        raise RuntimeError(f"an edit is not served after {RELOAD_SECONDS} s: {state}")


@contextmanager
def serving(kinds: Sequence[Kind], location: Location) -> Iterator[list[EditedServer]]:
    """Servers of the location that are up; all that they have started is killed at the end."""
    with ExitStack() as stack:
        servers = []
        for kind in kinds:
            folder = TemporaryDirectory(prefix="reload-", ignore_cleanup_errors=True)
            path = Path(stack.enter_context(folder))
            servers.append(stack.enter_context(closing(EditedServer(kind, path, location))))
        for server in servers:
            server.wait_until(server.calls.list_repositories)
        yield servers
