"""The time from saving a file until its code is served."""

from __future__ import annotations

from collections.abc import Sequence

from bench.reload.edited import Edit, EditedServer
from bench.reload.rest import rest
from bench.servers import Kind


def measure(servers: Sequence[EditedServer], warm_ups: int, edits: int) -> dict[Kind, list[Edit]]:
    """Seconds from just before a file is replaced until its new job has been fetched.

    Each edit gives a job another name and replaces the file atomically. With `--watch` nothing else
    is done; the stock server gets ReloadCode at once, from another thread. GetServerId is called
    5 ms after each answer, over one open channel, until it says another id; then ListRepositories
    and ExternalRepository are called as the webserver does, and the new job must be in the reply.
    "New id" is the part until GetServerId has said the other id. All servers run side by side and
    take turns, edit by edit; each edit waits until the processes of all of them have used no CPU
    for half a second, or for 20 s. The first edits (3, or 1 with `--quick`) are not counted.
    """
    found: dict[Kind, list[Edit]] = {server.kind: [] for server in servers}
    for number in range(warm_ups + edits):
        for server in servers:
            rest(servers)
            edit = server.edit()
            if number >= warm_ups:
                found[server.kind].append(edit)
    return found
