"""The instance that a request names: with `--pin-instance`, it must be the server's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import ConfigurableClassData, serialize_value

from bench.requests import Requests, ask, message
from tests.differential.sides import USER_CODE as CODE
from tests.process.conftest import Start
from tests.process.serving import LIMIT, Server, serve

REPO = ("-f", str(CODE / "repo.py"))
SECRET = "a secret of more characters than a file name may have" * 6

REQUESTS: dict[str, Callable[[Requests], Any]] = {
    "ExecutionPlanSnapshot": lambda of: of.plan("arithmetic"),
    "ExternalPartitionConfig": lambda of: of.partition("coloured", "red"),
    "ExternalPartitionTags": lambda of: of.partition("coloured", "red"),
    "ExternalPartitionSetExecutionParams": lambda of: of.partition_params("coloured", ["red"]),
    "SyncExternalScheduleExecution": lambda of: of.schedule("never"),
    "ExternalScheduleExecution": lambda of: of.schedule("never"),
    "SyncExternalSensorExecution": lambda of: of.sensor("skips"),
    "ExternalSensorExecution": lambda of: of.sensor("skips"),
    "StartRun": lambda of: of.run("arithmetic", "no-such-run"),
}
"""Each RPC whose requests name an instance."""


def sqlite(folder: str) -> ConfigurableClassData:
    return ConfigurableClassData(
        "dagster._core.storage.sqlite_storage", "DagsterSqliteStorage", f"base_dir: {folder}\n"
    )


def foreign(ref: InstanceRef, folder: Path) -> dict[str, InstanceRef]:
    """References that are not the server's own, by what is other about them."""
    module = ConfigurableClassData("this", "Anything", "{}")
    return {
        "custom_instance_class_data": ref._replace(custom_instance_class_data=module),
        "storage_data": ref._replace(storage_data=sqlite(str(folder / "storage"))),
        "run_launcher_data": ref._replace(run_launcher_data=module),
        "settings": ref._replace(settings={"python_logs": {"python_log_level": "DEBUG"}}),
    }


def reply_to(server: Server, rpc: str, ref: InstanceRef) -> str:
    """The reply as text."""
    return ask(server.stub, rpc, message(REQUESTS[rpc](Requests(ref))), LIMIT)


@pytest.fixture(scope="module")
def pinned(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    socket = tmp_path_factory.mktemp("pinned") / "s"
    with serve(home, socket, *REPO, "--pin-instance", cwd=CODE) as server:
        yield server


@pytest.mark.parametrize("rpc", REQUESTS)
def test_another_instance_is_refused(pinned: Server, work: Path, rpc: str) -> None:
    """And nothing that it names is imported, made or opened."""
    for field, ref in foreign(pinned.instance_ref, work).items():
        reply = reply_to(pinned, rpc, ref)
        assert f"The request names one with another {field}." in reply, reply
    assert not [*work.iterdir()]
    assert "Zen of Python" not in pinned.server.text  # which the module `this` prints


@pytest.mark.parametrize("rpc", REQUESTS)
def test_its_own_instance_is_used(pinned: Server, rpc: str) -> None:
    reply = reply_to(pinned, rpc, pinned.instance_ref)
    assert "--pin-instance" not in reply
    assert ("could not load run no-such-run" in reply) is (rpc == "StartRun")


def test_the_instance_of_the_option_is_the_servers_own(
    start: Start, home: Path, work: Path
) -> None:
    ref = InstanceRef.from_dir(str(home))._replace(storage_data=sqlite(str(work / "here")))
    options = ("--pin-instance", "--instance-ref", serialize_value(ref))
    server = start(*REPO, *options, cwd=CODE)
    assert "could not load run" in reply_to(server, "StartRun", ref)
    refusal = reply_to(server, "StartRun", server.instance_ref)
    assert "The request names one with another storage_data." in refusal


def test_a_server_without_an_instance_takes_none(start: Start) -> None:
    server = start(*REPO, "--pin-instance", cwd=CODE, env={"DAGSTER_HOME": ""})
    reply = reply_to(server, "SyncExternalSensorExecution", server.instance_ref)
    assert "it has none: set DAGSTER_HOME or --instance-ref" in reply


@pytest.mark.parametrize("written", ["{env: SECRET}", '{"\\x65nv": "SE\\x43RET"}'])
def test_errors_of_storages_do_not_tell_variables(start: Start, written: str) -> None:
    """A client names one in the place of a folder, and its value is no possible name of a file."""
    server = start(*REPO, cwd=CODE, env={"SECRET": f"/{SECRET}"})
    reply = reply_to(server, "StartRun", server.instance_ref._replace(storage_data=sqlite(written)))
    assert "File name too long: '$SECRET" in reply
    assert SECRET not in reply
