"""The cluster of these tests: what a pod says really happens to its container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.engine import Engine
from tests.image.container import has_memory_limits
from tests.support.eventually import eventually
from tests.support.kube import Cluster, Image, containers
from tests.support.kube.client import JOBS, PODS, job, pod_in, request

LOOKS = """\
cat $FOLDER/greeting /one; pwd; id -u
for path in /one /file /scratch/file; do (echo x > $path) 2>&1 | grep -o '/.*: Read.*'; done
ls /scratch
"""
SAYS = {
    "env": [
        {"name": "FOLDER", "value": "/all"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "key"}}},
    ],
    "workingDir": "/usr/lib",
    "securityContext": {"runAsUser": 54321, "readOnlyRootFilesystem": True},
    "volumes": [
        {"name": "config", "configMap": {"name": "config"}},
        {"name": "scratch", "emptyDir": {}},
    ],
    "volumeMounts": [
        {"name": "config", "mountPath": "/all"},
        {"name": "config", "mountPath": "/one", "subPath": "greeting"},
        {"name": "scratch", "mountPath": "/scratch"},
    ],
}


@pytest.fixture
def cluster(tmp_path: Path, engine: Engine, image: str) -> Iterator[Cluster]:
    with Cluster(tmp_path, {image: Image()}, containers(engine)) as cluster:
        cluster.add_config_map("config", {"greeting": "hello\n"})
        cluster.add_secret("secret", {"key": "value"})
        yield cluster


def state(pod: Any) -> Any:
    return pod["status"]["containerStatuses"][0]["state"]


def test_a_pod_gets_what_it_says(cluster: Cluster, image: str) -> None:
    request(cluster, "POST", JOBS, job(f"{LOOKS} echo $KEY; exit 3", image=image, **SAYS))

    pod = pod_in(cluster, "Failed")

    assert state(pod)["terminated"]["exitCode"] == 3
    assert state(pod)["terminated"]["reason"] == "Error"
    assert cluster.log(pod).splitlines() == [
        *("hello", "hello", "/usr/lib", "54321"),
        *("/one: Read-only file system", "/file: Read-only file system", "file", "value"),
    ]


def test_a_pod_that_takes_more_memory_than_it_may(
    cluster: Cluster, engine: Engine, image: str
) -> None:
    if not has_memory_limits(engine, image):
        pytest.skip("the memory of containers cannot be limited here")
    limits = {"limits": {"memory": "32Mi"}}
    request(cluster, "POST", JOBS, job("exec tail /dev/zero", image=image, resources=limits))

    ended = state(pod_in(cluster, "Failed"))["terminated"]

    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


@pytest.mark.parametrize(
    ("command", "grace"),
    [
        pytest.param("trap 'exit 0' TERM; echo there; sleep 600 & wait", 600, id="ends"),
        pytest.param("trap '' TERM; echo there; sleep 600", 0.1, id="ignores SIGTERM"),
    ],
)
def test_deleting_a_pod_removes_its_container(
    cluster: Cluster, engine: Engine, image: str, command: str, grace: float
) -> None:
    request(cluster, "POST", JOBS, job(command, image=image))
    pod = pod_in(cluster, "Running")
    eventually(lambda: cluster.log(pod) == "there\n")

    request(cluster, "DELETE", f"{PODS}/{pod['metadata']['name']}?gracePeriodSeconds={grace}")

    eventually(lambda: not cluster.pods())
