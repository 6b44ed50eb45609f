"""A load that clients are told nothing new about goes on with the answers that are there."""

from __future__ import annotations

import asyncio

import pytest

from codeserver.supervisor.loading.snapshot import RepositorySnapshot, Snapshot


def snapshot(
    digest: str, job: bytes | None, *, is_described: bool = True, is_dynamic: bool = False
) -> Snapshot:
    future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    if is_described:
        future.set_result(job)
    repository = RepositorySnapshot(b"{}", {"job": future}, {}, {}, is_dynamic)
    return Snapshot(b"[]", {"repository": repository}, digest, {"import": 1.0})


@pytest.mark.parametrize(
    ("digest", "job", "is_described", "is_dynamic", "is_kept"),
    [
        ("same", b"{}", True, False, True),
        ("other", b"{}", True, False, False),
        ("same", b"", False, False, False),
        ("same", None, True, False, False),
        # A snapshot from a file does not know that it is.
        ("same", b"{}", True, True, False),
    ],
    ids=["the same", "another", "not all described", "not to be described", "dynamic"],
)
async def test_what_is_kept(
    digest: str, job: bytes | None, is_described: bool, is_dynamic: bool, is_kept: bool
) -> None:
    before = snapshot(digest, job, is_described=is_described)
    loaded = snapshot("same", None, is_described=False, is_dynamic=is_dynamic)

    served = loaded.like(before)

    assert (served.repositories is before.repositories) is is_kept
    assert (served is loaded) is not is_kept
    assert served.seconds is loaded.seconds
