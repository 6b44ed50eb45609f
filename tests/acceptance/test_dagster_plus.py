"""The agent of Dagster+ Hybrid starts servers of an image with our `dagster`, and ends them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._grpc.types import ListRepositoriesResponse, SensorExecutionArgs
from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo

import codeserver
from bench.origins import RemoteRepositoryOrigin
from codeserver.api import v1
from codeserver.cli.commands.install_dagster import install
from tests.deploy.files import validate
from tests.deploy.served import configuration, longest_shutdown
from tests.differential.plain import value
from tests.docs.blocks import blocks
from tests.support.dagster_plus import (
    CONTAINERS,
    DEPLOYMENT,
    SECRETS,
    agent,
    control_plane,
    deployment_in_kubernetes,
)
from tests.support.eventually import PATIENCE
from tests.support.servers import ServerProcess

pytest.importorskip("dagster_cloud", reason="dagster-cloud is not there")

from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    DagsterCloudGrpcServer,
    ServerEndpoint,
    UserCodeLauncherEntry,
)
from dagster_cloud.workspace.user_code_launcher.utils import get_instance_ref_for_user_code
from dagster_cloud_cli.core.workspace import CodeLocationDeployData

IMAGE = "registry.example.com/fruit:1"
CONTEXT = {"k8s": {"namespace": "fruit"}, "ecs": {"env_vars": ["KIND=ecs"]}}

CODE = """
import os

from dagster import Definitions, SkipReason, asset, define_asset_job, sensor


@asset
def apple():
    return os.environ["FRUIT"]


@sensor(job_name="pick")
def quick(context):
    return SkipReason(os.environ["FRUIT"])


picked = Definitions(assets=[apple], jobs=[define_asset_job("pick")], sensors=[quick])
"""

TARGETS = {
    "file": {"python_file": "defs.py", "attribute": "picked"},
    "module": {"module_name": "fruit.loaded.defs"},
    "package": {"package_name": "fruit.loaded"},
    "autoload": {"autoload_defs_module_name": "fruit.loaded"},
}

STARTED = [
    ("process", "file"),
    ("kubernetes", "module"),
    ("docker", "package"),
    ("ecs", "autoload"),
]
"""Each launcher and each target once; one has nothing to do with the other."""


@pytest.fixture(scope="module")
def image(home: Path) -> Path:
    """A folder with the code and, in `bin`, our `dagster`."""
    (home / "bin").mkdir()
    install(home / "bin" / "dagster", sys.executable)
    (home / "pyproject.toml").write_text("[tool.dg.project]\nroot_module = 'fruit'\n")
    (home / "fruit" / "loaded").mkdir(parents=True)
    (home / "fruit" / "__init__.py").touch()
    (home / "fruit" / "loaded" / "__init__.py").write_text("from .defs import picked\n")
    for folder in (home, home / "fruit" / "loaded"):
        (folder / "defs.py").write_text(CODE)
    return home


@pytest.fixture(scope="module")
def instance(image: Path) -> Iterator[Any]:
    """The agent, on a machine with a `dagster` of ours."""
    with pytest.MonkeyPatch.context() as patch, control_plane() as url, agent(image, url) as made:
        patch.setenv("PATH", f"{image / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
        yield made


def deploy_data(launcher: str, target: str, folder: Path, **more: Any) -> CodeLocationDeployData:
    """The entry of dagster_cloud.yaml for the location."""
    return CodeLocationDeployData(
        image=None if launcher == "process" else IMAGE,
        working_directory=str(folder),
        container_context=CONTEXT,
        **TARGETS[target],
        **more,
    )


@contextmanager
def _started(instance: Any, launcher: str, data: Any, folder: Path) -> Iterator[Any]:
    if launcher == "process":
        own = instance.user_code_launcher
        entry = UserCodeLauncherEntry(data, 1.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            server = own._start_new_server_spinup(DEPLOYMENT, "fruit", entry)
        try:
            yield server
        finally:
            own._remove_server_handle(server.server_handle)
        return
    container = CONTAINERS[launcher](instance, "fruit", data)
    # A test serves on a socket, because other tests have ports.
    env = {key: text for key, text in container.env.items() if key != PORT}
    if OVERRIDE in env:  # a file that the cluster mounts
        (folder / "override").write_text("")
        env[OVERRIDE] = str(folder / "override")
    process = ServerProcess(container.command, folder / f"{launcher}.sock", env=env, cwd=Path("/"))
    with process:
        endpoint = ServerEndpoint("localhost", None, str(process.socket))
        yield DagsterCloudGrpcServer(process, endpoint, data)
        assert process.stop() == 0, process.text


PORT = "DAGSTER_CLI_API_GRPC_PORT"
OVERRIDE = "DAGSTER_DEFS_STATE_INFO_OVERRIDE_PATH"


@pytest.mark.parametrize(("launcher", "target"), STARTED)
def test_a_server_of_the_agent(instance: Any, image: Path, launcher: str, target: str) -> None:
    data = deploy_data(launcher, target, image)
    with _started(instance, launcher, data, image) as server:
        _check_the_start(instance.user_code_launcher, server)
        _check_the_upload(instance.user_code_launcher, server)
        _check_a_tick(instance, server)
        _check_the_watch(instance.user_code_launcher, server)
        address = f"unix:{server.server_endpoint.socket}"
        with codeserver.connect(address) as client:
            isolation = client.location().isolation
            assert isolation.mode == v1.Isolation.MODE_FORK, isolation


def _check_the_start(launcher: Any, server: Any) -> None:
    client = server.server_endpoint.create_client()
    asyncio.run(launcher._wait_for_dagster_server_process(client, timeout=PATIENCE))


def _check_the_upload(launcher: Any, server: Any) -> None:
    """What Dagster+ gets to know of the location."""
    told = asyncio.run(launcher._get_upload_location_data(DEPLOYMENT, "fruit", server))
    (repository,) = told.upload_repository_datas
    assert told.container_image == server.code_location_deploy_data.image
    assert "dagster" in told.dagster_library_versions
    assert '"apple"' in repository.serialized_repository_data
    origin = RemoteRepositoryOrigin(
        launcher._get_code_location_origin("fruit"), repository.repository_name
    )
    job = server.server_endpoint.create_client().external_job(origin, "pick")
    assert json.loads(job.serialized_job_data)["name"] == "pick"


def _check_a_tick(instance: Any, server: Any) -> None:
    """The secrets of Dagster+ are variables of the code."""
    launcher = instance.user_code_launcher
    args = SensorExecutionArgs(
        repository_origin=RemoteRepositoryOrigin(
            launcher._get_code_location_origin("fruit"), "__repository__"
        ),
        instance_ref=get_instance_ref_for_user_code(instance.ref_for_deployment(DEPLOYMENT)),
        sensor_name="quick",
        last_tick_completion_time=None,
        last_run_key=None,
        cursor=None,
        log_key=[],
        timeout=PATIENCE,
        last_sensor_start_time=None,
    )
    tick = value(server.server_endpoint.create_client().external_sensor_execution(args))
    assert tick.skip_message == SECRETS["FRUIT"]


def _check_the_watch(launcher: Any, server: Any) -> None:
    """What the agent asks every 30 and every 60 seconds, and when component state is new."""
    key = (DEPLOYMENT, "fruit")
    launcher._grpc_servers[key] = server
    launcher._actual_entries[key] = UserCodeLauncherEntry(server.code_location_deploy_data, 1.0)
    listed = launcher._make_check_on_running_server_endpoint(server.server_endpoint)()
    assert isinstance(listed, ListRepositoriesResponse)
    assert (listed.entry_point, listed.container_context) == (["dagster"], CONTEXT)

    launcher.update_utilization_metrics_all_locations()
    assert launcher._per_location_metrics[key]["container_utilization"]["num_allocated_cores"]

    pinned = server.code_location_deploy_data.with_cloud_context_env({})
    pinned = type(pinned)(**{**pinned._asdict(), "defs_state_info": DefsStateInfo.empty()})
    launcher._reload_pin_in_place(key, UserCodeLauncherEntry(pinned, 2.0))
    del launcher._grpc_servers[key], launcher._actual_entries[key]


@pytest.mark.parametrize("launcher", CONTAINERS)
@pytest.mark.parametrize("target", TARGETS)
def test_the_settings_of_a_container(
    instance: Any, image: Path, launcher: str, target: str
) -> None:
    """The variables that the agent sets are all read, and mean what they mean to stock."""
    state = DefsStateInfo.empty()
    data = deploy_data(launcher, target, image, defs_state_info=state)
    container = CONTAINERS[launcher](instance, "fruit", data)
    env = {key: text for key, text in container.env.items() if key != OVERRIDE}

    config = configuration(container.command, env)

    assert (config.host, config.port, config.socket) == ("0.0.0.0", 4000, None)
    for name, expect in TARGETS[target].items():
        assert getattr(config, name) == expect
    assert config.working_directory == str(image)
    assert (config.container_image, config.container_context) == (IMAGE, CONTEXT)
    assert (config.location_name, config.inject_env_vars_from_instance) == ("fruit", True)
    assert config.lazy_load_user_code
    assert config.enable_metrics
    assert value(config.defs_state_info or "") == state
    assert value(config.instance_ref or "").custom_instance_class_data is not None
    assert config.max_workers == 4 or launcher != "ecs"


def test_the_location_of_the_document_in_a_cluster(instance: Any) -> None:
    (block,) = (each for each in blocks("yaml") if each.document.name == "dagster-plus.md")
    (location,) = yaml.safe_load(block.text)["locations"]
    data = CodeLocationDeployData(
        image=location["image"],
        working_directory=location["working_directory"],
        container_context=location["container_context"],
        **location["code_source"],
    )
    manifest = deployment_in_kubernetes(instance, location["location_name"], data)

    validate(manifest)
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {each["name"]: each["value"] for each in container["env"] if each["name"] != OVERRIDE}
    config = configuration(container["args"], env)
    assert config.log_format == "json"
    assert container["readinessProbe"]["grpc"]["port"] == config.port
    assert longest_shutdown(config) <= pod["terminationGracePeriodSeconds"]
