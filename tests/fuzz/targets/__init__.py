"""What is fuzzed: each module here has a `SEEDS` of good inputs, and a `check` of any input."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

MEASURED: Mapping[str, tuple[str, ...]] = {
    "frames": ("codeserver.wire", "codeserver.facts"),
    "snapshots": ("codeserver.snapshot", "codeserver.supervisor.loading.snapshot"),
    "probe": ("codeserver.probe",),
    "openings": ("codeserver.front.passing",),
    "requests_to_connect": ("codeserver.front.passing",),
    "ports": ("codeserver.front.passing",),
    "settings": ("codeserver.exposure.listener", "codeserver.values", "codeserver.front.access"),
    "locations": ("codeserver.locations", "codeserver.values", "codeserver.settings"),
    "encoding": ("codeserver.front.encoding", "codeserver.front.dagster_json"),
}
"""The modules whose coverage guides the search, by the name of the module here."""


def pieces(data: bytes, seed: int) -> Iterator[bytes]:
    """The data in pieces of sizes that the seed decides; most are small."""
    sizes = random.Random(seed)
    at = 0
    while at < len(data):
        size = sizes.choice((1, 1, 2, 9, 30, 300, 20_000))
        yield data[at : at + size]
        at += size
