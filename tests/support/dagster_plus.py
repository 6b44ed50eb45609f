"""The agent of Dagster+ Hybrid without Dagster+: its launchers, and what they start.

They are those of the package `dagster-cloud`. The process launcher starts its servers by itself.
The others need a cluster, a daemon or an account, so the test takes the command and the variables
that they make, and starts a process with them.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance

DEPLOYMENT = "prod"
SECRETS = {"FRUIT": "from Dagster+"}
"""Variables that an organization has entered in the UI of Dagster+."""

_ANSWERS = {
    "scopedSecrets": [
        {"secretName": name, "secretValue": text, "locationNames": []}
        for name, text in SECRETS.items()
    ],
    "latestDefsStateInfo": None,
    "agents": [],
}
"""Results of every query that an agent and a server that loads code make."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        reply = json.dumps({"data": _ANSWERS}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        """Nothing: the output of a test is about the servers."""


@contextlib.contextmanager
def control_plane() -> Iterator[str]:
    """Serve the API that agents and code servers ask, and return its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def agent(home: Path, url: str) -> Iterator[Any]:
    """The instance of an agent with the process launcher, whose `DAGSTER_HOME` is `home`."""
    config = {
        "instance_class": {
            "module": "dagster_cloud.instance",
            "class": "DagsterCloudAgentInstance",
        },
        "dagster_cloud_api": {"agent_token": "agent:org:1", "deployment": DEPLOYMENT, "url": url},
        "user_code_launcher": {
            "module": "dagster_cloud.workspace.user_code_launcher",
            "class": "ProcessUserCodeLauncher",
            "config": {"wait_for_processes": True, "code_server_metrics": {"enabled": True}},
        },
    }
    (home / "dagster.yaml").write_text(yaml.safe_dump(config))
    with DagsterInstance.from_config(str(home)) as instance:
        yield instance


@dataclass(frozen=True)
class Container:
    """What a launcher starts: the arguments of a container, and its variables."""

    command: list[str]
    env: Mapping[str, str]


def in_docker(instance: Any, name: str, data: Any) -> Container:
    """A container of the Docker launcher (`dagster_cloud.workspace.docker`)."""
    from dagster_cloud.workspace.user_code_launcher.utils import (
        get_code_server_port,
        get_grpc_server_env,
    )

    ref = instance.ref_for_deployment(DEPLOYMENT)
    env = get_grpc_server_env(data, get_code_server_port(), name, ref)
    return Container(data.get_grpc_server_command(metrics_enabled=True), env)


def in_ecs(instance: Any, name: str, data: Any) -> Container:
    """A container of the ECS launcher: of the agent's own variables, it passes on one."""
    container = in_docker(instance, name, data)
    return Container(container.command, {**container.env, "DAGSTER_GRPC_MAX_WORKERS": "4"})


def deployment_in_kubernetes(instance: Any, name: str, data: Any) -> Any:
    """The deployment of the Kubernetes launcher, as it sends it to the cluster."""
    import kubernetes.client
    from dagster_cloud.workspace.kubernetes.utils import construct_code_location_deployment
    from dagster_k8s.container_context import K8sContainerContext

    made = construct_code_location_deployment(
        instance,
        deployment_name=DEPLOYMENT,
        location_name=name,
        k8s_deployment_name=f"{name}-{DEPLOYMENT}-1a2b3c",
        metadata=data,
        container_context=K8sContainerContext.create_from_config(data.container_context),
        args=data.get_grpc_server_command(metrics_enabled=True),
        server_timestamp=1.0,
        mount_defs_state_config_map=True,
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        **kubernetes.client.ApiClient().sanitize_for_serialization(made),
    }


def in_kubernetes(instance: Any, name: str, data: Any) -> Container:
    """The container of that deployment."""
    manifest = deployment_in_kubernetes(instance, name, data)
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert "command" not in container, "the entry point of the image counts"
    return Container(container["args"], {each["name"]: each["value"] for each in container["env"]})


CONTAINERS = {"kubernetes": in_kubernetes, "docker": in_docker, "ecs": in_ecs}
"""Containers by the name of the launcher."""
