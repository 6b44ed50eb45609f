"""Files of snapshots: any bytes, and any content in a file that is whole."""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import json
import os
import tempfile

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.snapshot import baked, file, v1
from codeserver.snapshot.file import UnusableSnapshot
from codeserver.supervisor.loading.host_maker import load_order
from codeserver.target import Target

_KIND = b"codeserver-snap\n"
_ORDER = load_order(Config(), Target(python_file="served.py"), "/here", None)
_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)


def _example() -> v1.LocationSnapshot:
    listing = {"__class__": "ListRepositoriesResponse", "executable_path": "python"}
    message = v1.LocationSnapshot(
        listing=json.dumps(listing).encode(),
        definitions=json.dumps({"job": {"nightly": "abc"}}).encode(),
        libraries={"dagster": "1.13"},
        fingerprint=v1.Fingerprint(codeserver_version="1", files={"served.py": "abc"}),
    )
    message.created_at.FromSeconds(1_700_000_000)
    kinds = ("jobs", "assets", "schedules", "sensors")
    message.repositories.add(
        name="defs",
        deferred=b'{"__class__": "RepositorySnap"}',
        jobs=[v1.Job(name="nightly", data=b"{}"), v1.Job(name="other")],
        schedules=["daily"],
        counts=[v1.Count(kind=kind, count=1) for kind in kinds],
    )
    return message


SEEDS = [
    b"\0" + _example().SerializeToString(),
    b"\0" + v1.LocationSnapshot().SerializeToString(),
    b"\1" + _KIND + hashlib.sha256(b"").digest(),
]


def check(data: bytes) -> None:
    """It is a snapshot that can be written again, or it is not used."""
    is_bare, payload = data[:1] == b"\1", data[1:]
    whole = payload if is_bare else _KIND + hashlib.sha256(payload).digest() + payload
    descriptor, path = tempfile.mkstemp(prefix="fuzz-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(whole)
        message = file.read(path)
    except UnusableSnapshot as error:
        assert "\n" not in str(error)
        return
    finally:
        os.unlink(path)
    _LOOP.run_until_complete(_check_content(message))


async def _check_content(message: v1.LocationSnapshot) -> None:
    try:
        absent, created_at = baked.from_message(message, _ORDER)
    except UnusableSnapshot as error:
        assert isinstance(error, OperatorError)
        return
    assert created_at >= 0
    snapshot = absent.snapshot
    written = await baked.to_message(snapshot, absent.report.libraries)
    again, _ = baked.from_message(written, _ORDER)
    assert again.snapshot.digest == snapshot.digest
    assert again.snapshot.counts == snapshot.counts
    assert snapshot.repositories.keys() == again.snapshot.repositories.keys()
