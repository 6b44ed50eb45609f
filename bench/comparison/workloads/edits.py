"""Edits: how soon saved code is served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bench.reload.edits
from bench.comparison.effort import Effort
from bench.comparison.figures import Figure, Unit
from bench.comparison.subjects import EXAMPLE, Subject, many_assets
from bench.reload import subjects
from bench.reload.edited import KINDS, Edit, serving
from bench.reload.subjects import Location
from bench.servers import Kind

SUBJECTS: tuple[Subject, ...] = (EXAMPLE, many_assets(1000))
QUICK_SUBJECTS: tuple[Subject, ...] = (EXAMPLE,)


def measure(subject: Subject, kinds: Sequence[Kind], effort: Effort) -> Iterator[Figure]:
    """Seconds from just before a file is replaced until its new job has been fetched.

    Each edit gives a job another name and replaces the file atomically. `codeserver grpc` runs with
    `--watch`, and nothing else is done; `dagster code-server start` gets ReloadCode at once, from
    another thread; `dagster api grpc` cannot load code again. GetServerId is called 5 ms after each
    answer, over one open channel, until it says another id; the file has been served when
    ListRepositories and ExternalRepository have then been answered, with the new job. The servers
    run side by side and take turns, edit by edit; each edit waits until their processes have used
    no CPU for half a second, or for 20 s. There are 5 edits of the example and 3 of others, after
    one that is not counted. The location has none of the sensors of the other measurements.
    """
    chosen = [KINDS[kind.key] for kind in kinds if kind.key in KINDS]
    if not chosen:
        return
    with serving(chosen, _location(subject)) as servers:
        found = bench.reload.edits.measure(
            servers, effort.times(1, quick=0), effort.times(5 if subject is EXAMPLE else 3)
        )
    for kind, edits in found.items():
        yield from _figures(subject, kind, edits)


def _location(subject: Subject) -> Location:
    return subjects.EXAMPLE if subject is EXAMPLE else subjects.many_assets(subject.assets)


def _figures(subject: Subject, kind: Kind, edits: Sequence[Edit]) -> Iterator[Figure]:
    for name, samples in (
        ("time from saving a file until it is served", [edit.visible for edit in edits]),
        ("time from saving a file until there is another server id", [e.new_id for e in edits]),
    ):
        yield Figure(name, subject.name, kind.key, Unit.SECONDS, samples)
