"""The example as a cluster has it: what the chart makes of its values, for containers here."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.engine import Engine
from tests.image.container import foreground
from tests.support.kube import Cluster
from tests.support.postgres import Postgres
from tests.support.servers import ServerProcess

CREDENTIALS = "s3-credentials"
SETTINGS = "settings"
SCRATCH = {"name": "scratch", "emptyDir": {}}
CONFINED = {
    "runAsUser": 12345,
    "runAsGroup": 0,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
# What the chart makes of a deployment whose configuration is to be in launched runs as well.
CONTEXT = {
    "k8s": {
        "env_config_maps": [SETTINGS],
        "env_secrets": [CREDENTIALS],
        "labels": {"team": "language"},
        "namespace": "default",
        "security_context": CONFINED,
        "volumes": [SCRATCH],
        "volume_mounts": [{"name": "scratch", "mountPath": "/tmp"}],
    }
}


@contextlib.contextmanager
def code_server_of(engine: Engine, image: str, folder: Path) -> Iterator[ServerProcess]:
    """The code server as the chart starts it, but on a socket, for which it needs no network."""
    folder.chmod(0o777)
    options = (
        f"--volume={folder}:{folder}",
        f"--env=DAGSTER_CURRENT_IMAGE={image}",
        f"--env=DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT={json.dumps(CONTEXT)}",
    )
    target = ("--fixed-server-id", "release-1", "--python-file", "/app/repo.py")
    with foreground(engine, image, *options) as (_, command):
        yield ServerProcess(
            [*command, "dagster", "api", "grpc", *target],
            folder / "main.sock",
            env=engine.environment,
        )


def run_launcher(home: Path, cluster: Cluster, database: Postgres) -> dict[str, Any]:
    """The entry of dagster.yaml.

    Pods reach the cluster and the database by the paths that they have on this machine, too.
    """
    volumes = {
        str(cluster.kubeconfig.parent): {"configMap": {"name": "kubeconfig"}},
        str(database.folder): {"hostPath": {"path": str(database.folder)}},
        str(home / "storage"): {"emptyDir": {}},  # the instance's own files
    }
    names = {path: f"volume-{number}" for number, path in enumerate(volumes)}
    config = {
        "load_incluster_config": False,
        "kubeconfig_file": str(cluster.kubeconfig),
        "service_account_name": "dagster",
        "instance_config_map": "dagster-instance",
        "dagster_home": "/opt/dagster/dagster_home",
        "volumes": [{"name": names[path], **source} for path, source in volumes.items()],
        "volume_mounts": [{"name": name, "mountPath": path} for path, name in names.items()],
    }
    return {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": config}
