"""deploy/compose.yaml is valid, and its parts fit each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dagster._config import process_config
from dagster._core.instance.ref import InstanceRef
from dagster._core.run_coordinator import QueuedRunCoordinator

from tests.deploy.files import DEPLOY, load
from tests.deploy.served import configuration, longest_shutdown

SERVICES: dict[str, Any] = load("compose.yaml")["services"]
"""What Docker makes of it: aliases and merges are resolved."""


def test_it_is_a_compose_file() -> None:
    judge = pytest.importorskip("compose_spec", reason="compose-spec is not there")
    judge.PyCompose.from_json(json.dumps(load("compose.yaml"))).validate()


def test_the_code_is_served_where_dagster_looks() -> None:
    code = SERVICES["code"]
    config = configuration(code["command"], code["environment"])

    (location,) = load("compose/workspace.yaml")["load_from"]
    server = location["grpc_server"]
    assert (server["host"], server["port"]) == ("code", config.port)
    assert config.host == "0.0.0.0"
    assert f"--port={config.port}" in code["healthcheck"]["test"]
    assert longest_shutdown(config) <= int(code["stop_grace_period"].removesuffix("s"))


def test_files_are_there_and_ports_are_this_machines_own() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                assert (DEPLOY / source).is_file()
                assert target.startswith(f"{SERVICES['code']['environment']['DAGSTER_HOME']}/")
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert not service.get("image", "").endswith(":latest")


def test_the_instance_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_bytes((DEPLOY / "compose" / "dagster.yaml").read_bytes())
    for name in ("webserver", "daemon", "code"):
        assert SERVICES[name]["environment"]["POSTGRES_PASSWORD"]
    monkeypatch.setenv("POSTGRES_PASSWORD", "secret")

    ref = InstanceRef.from_dir(str(tmp_path))

    for data in (ref.run_storage_data, ref.event_storage_data, ref.compute_logs_data):
        assert data is not None
        checked = process_config(_class_of(data).config_type(), data.config_dict)
        assert checked.success, checked.errors
    coordinator = ref.run_coordinator
    assert isinstance(coordinator, QueuedRunCoordinator)
    assert coordinator.dequeue_interval_seconds == 1
    logs = ref.compute_logs_data.config_dict
    assert f"-bucket={logs['bucket']}" in SERVICES["s3"]["command"]
    assert (
        SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"]
        == (SERVICES["code"]["environment"]["POSTGRES_PASSWORD"])
    )


def _class_of(data: Any) -> Any:
    module = __import__(data.module_name, fromlist=[data.class_name])
    return getattr(module, data.class_name)
