"""Servers of one location, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.comparison.subjects import Subject
from bench.servers import Kind, Server


@contextmanager
def started(kind: Kind, subject: Subject) -> Iterator[Server]:
    """A server that was just started; all that it has started is killed at the end."""
    with ExitStack() as stack:
        name = TemporaryDirectory(prefix="compared-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(name))
        code = subject.place(folder / "code")
        yield stack.enter_context(closing(Server(kind, folder, code)))


@contextmanager
def serving(kinds: Sequence[Kind], subject: Subject) -> Iterator[list[Server]]:
    """Servers that have loaded the location, each with default options."""
    with ExitStack() as stack:
        servers = [stack.enter_context(started(kind, subject)) for kind in kinds]
        for server in servers:
            server.wait_until(server.calls.list_repositories)
        yield servers
