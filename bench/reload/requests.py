"""What becomes of requests while code is reloaded."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from bench.answers import Answers
from bench.calls import Attempt, attempt
from bench.processes import kill_descendants
from bench.reload.edited import EditedServer
from bench.reload.rest import rest
from bench.servers import Kind
from bench.wording import shorten

_CLIENTS = 16
_PAUSE_SECONDS = 0.1
_RELOADS_A_TURN = 5
_LONGEST = 120

_Call = tuple[str, Callable[[], str]]
_Made = tuple[str, Attempt]


@dataclass(frozen=True)
class Requests:
    """What became of the requests that were made during some reloads.

    Attributes:
        reloads: how many.
        answers: how many requests there were, and how fast the answers came.
        errors: what was said instead of an answer, and how often.
    """

    reloads: int
    answers: Answers
    errors: Mapping[str, int]

    @property
    def failed(self) -> int:
        """How many requests were not answered."""
        return self.answers.asked - self.answers.answered


def measure(servers: Sequence[EditedServer], reloads: int) -> dict[Kind, Requests]:
    """Requests of 16 clients at once, while the file is edited as above, without waiting for rest.

    Each client makes a call, waits for its end, pauses for 0.1 s and makes the next one: in turn
    GetServerId (limit 2 s), ListRepositories (2 s), ExternalJob and a sensor's tick (10 s), through
    Dagster's client, which opens a new channel for each call. An edit follows when the one before
    it is served and ReloadCode, where it is called, has answered. The servers take turns of 5
    edits. A request has failed when there is a gRPC error or the reply carries an error; the times
    are those of the requests that were answered. All clients are threads of one process and share
    two cores with the servers, which is in all times.
    """
    made: dict[Kind, list[_Made]] = {server.kind: [] for server in servers}
    for begun in range(0, reloads, _RELOADS_A_TURN):
        for server in servers:
            rest(servers)
            with _asking(server) as answers:
                for _ in range(min(_RELOADS_A_TURN, reloads - begun)):
                    server.edit()
            made[server.kind] += answers
    return {kind: _summarize(reloads, all_of_them) for kind, all_of_them in made.items()}


@contextmanager
def _asking(server: EditedServer) -> Iterator[list[_Made]]:
    """Ask all the time meanwhile; the list is whole at the end."""
    calls: list[_Call] = [
        ("GetServerId", server.calls.server_id),
        ("ListRepositories", server.calls.list_repositories),
        ("ExternalJob", lambda: server.calls.job(server.location.job)),
        ("a tick", lambda: server.calls.tick(server.location.sensor)),
    ]
    made: list[_Made] = []
    stop = threading.Event()

    def ask(first: int) -> None:
        for name, call in itertools.cycle(calls[first:] + calls[:first]):
            made.append((name, attempt(call)))
            if stop.wait(_PAUSE_SECONDS):
                return

    with ThreadPoolExecutor(_CLIENTS) as threads:
        clients = [threads.submit(ask, number % len(calls)) for number in range(_CLIENTS)]
        try:
            yield made
        except BaseException:
            kill_descendants()  # or the calls that are under way would be waited for
            raise
        finally:
            stop.set()
    for client in clients:
        client.result()


def _summarize(reloads: int, made: list[_Made]) -> Requests:
    errors = Counter(
        shorten(f"{name}: {each.error}", _LONGEST) for name, each in made if each.error is not None
    )
    answers = Answers.of(each for _, each in made)
    return Requests(reloads, answers, dict(errors.most_common()))
