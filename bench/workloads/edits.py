"""Edits: time until saved code is served."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

from bench.attempts import asked, attempt
from bench.client import RELOAD_SECONDS, said
from bench.measurement import Measurement
from bench.resources import rest
from bench.results import Unit
from bench.servers import CODE_SERVER, OURS, Server
from bench.subjects import EXAMPLE, PACKAGES, edition, many_assets, save

SUBJECTS = (EXAMPLE, PACKAGES, many_assets(1000))

_WATCHING = replace(OURS, arguments=(*OURS.arguments, "--watch"))
_POLL_SECONDS = 0.005
_FIGURES = (
    "time from saving a file until it is served",
    "time from saving a file until there is another server id",
)


def measure(it: Measurement) -> None:
    """The time from just before a file is saved until the client has fetched its new job.

    Each edit gives a job another name and replaces the file atomically. `codeserver grpc` runs with
    `--watch` and gets no further call. `dagster code-server start` gets ReloadCode at once, from
    another thread. `dagster api grpc` cannot load code again. GetServerId is called over one open
    channel, 5 ms after each reply, until it returns another id. Then ListRepositories and
    ExternalRepository are called. The file is served when their replies have the new job. The
    servers run side by side and take turns, edit by edit. Before each edit, their processes use no
    CPU for half a second, or 20 s pass. There are 15 edits, or 8 with 1,000 assets, after 3 that do
    not count.
    """
    warm_ups = it.times(3, quick=0)
    with edited(it) as servers:
        for number in range(warm_ups + it.times(8 if it.subject.assets > 100 else 15)):
            for each in servers:
                rest(each.server for each in servers)
                seconds = each.edit()
                if number >= warm_ups:
                    for name, took in zip(_FIGURES, seconds, strict=True):
                        it.add(name, each.server.key, Unit.SECONDS, took)


class Edited:
    """A server whose file is edited, with the thread for ReloadCode."""

    def __init__(self, server: Server, reloader: ThreadPoolExecutor) -> None:
        self.server = server
        self._source = server.code.read_text("utf-8")
        self._edition = 0
        self._reloader = reloader

    def edit(self) -> tuple[float, float]:
        """Save the file with a new name for a job, and wait until that job is served.

        A stock server gets ReloadCode right after the file is saved. The edit ends after the
        reply, whose time is not measured.

        Returns:
            Seconds from just before the file was saved until a repository with the new job was
            fetched, and until GetServerId returned another id.

        Raises:
            RuntimeError: the job is not served in time, or the server id changed without it.
        """
        self._edition += 1
        text, job = edition(self._source, self._edition)
        client = self.server.client
        with client.polling_ids() as server_id:
            old = server_id()
            began = time.monotonic()
            save(self.server.code, text)
            told = self.server.key == CODE_SERVER.key
            reload = self._reloader.submit(said, client.reload) if told else None
            while (now := asked(server_id)).answer in (None, old):
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
        return visible, new_id

    def _fetch(self) -> str:
        """The requests that the webserver makes after a change of the server id."""
        said(self.server.client.list_repositories)
        return self.server.client.repository()


@contextmanager
def edited(it: Measurement) -> Iterator[list[Edited]]:
    """The servers that can load code again."""
    able = {OURS: _WATCHING, CODE_SERVER: CODE_SERVER}
    kinds = [able[kind] for kind in it.kinds if kind in able]
    with it.serving(kinds) as servers, ThreadPoolExecutor(1) as reloader:
        yield [Edited(server, reloader) for server in servers]


def _check(began: float, state: str) -> None:
    if time.monotonic() > began + RELOAD_SECONDS:
        raise RuntimeError(f"an edit is not served after {RELOAD_SECONDS} s: {state}")
