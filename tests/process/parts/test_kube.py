"""The cluster of the acceptance tests: what a client of it can rely on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.kube import Cluster, Image
from tests.support.kube.client import JOBS, PODS, job, pod_in, request
from tests.support.processes import leftover_children

OTHER_KEY = {"name": "secret", "key": "other"}
CONFIG_ERROR = "CreateContainerConfigError"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    image = Image({"PATH": "/usr/bin:/bin", "GREETING": "hello"}, tmp_path)
    with Cluster(tmp_path, {"shell": image}) as cluster:
        yield cluster


def job_with(volume: Any) -> Any:
    """A job whose container has this volume."""
    return job(
        "true",
        volumes=[{"name": "it", **volume}],
        volumeMounts=[{"name": "it", "mountPath": "/it"}],
    )


@pytest.mark.parametrize(
    ("command", "code", "log"),
    [
        pytest.param('echo "$GREETING $0" >&2', 0, "hello world\n", id="succeeds"),
        pytest.param("printf '1\\n2\\n3\\n'; exit 3", 3, "2\n3\n", id="fails"),
        pytest.param("echo last; kill -KILL $$", 137, "last\n", id="is killed"),
    ],
)
def test_a_job_runs_its_pod(cluster: Cluster, command: str, code: int, log: str):
    status, _ = request(cluster, "POST", JOBS, job(command, args=["world"]))

    assert status == 201
    pod = pod_in(cluster, "Failed" if code else "Succeeded")
    (container,) = pod["status"]["containerStatuses"]
    assert container["state"]["terminated"]["exitCode"] == code
    name = pod["metadata"]["name"]
    assert request(cluster, "GET", f"{PODS}/{name}/log?tailLines=2") == (200, log)
    ended = "failed" if code else "succeeded"
    eventually(lambda: request(cluster, "GET", f"{JOBS}/job/status")[1]["status"].get(ended) == 1)
    assert cluster.used == {("create", "jobs"), ("get", "pods/log"), ("get", "jobs/status")}


@pytest.mark.parametrize(
    ("command", "grace"),
    [
        pytest.param("echo there; exec sleep 60", 30, id="ends"),
        pytest.param("trap '' TERM; echo there; sleep 60 & wait", 0.1, id="ignores SIGTERM"),
    ],
)
def test_deleting_a_pod_ends_its_processes(cluster: Cluster, command: str, grace: float):
    before = leftover_children(grace=0)
    request(cluster, "POST", JOBS, job(command))
    pod = pod_in(cluster, "Running")
    eventually(lambda: cluster.log(pod) == "there\n")

    request(cluster, "DELETE", f"{JOBS}/job")
    assert pod_in(cluster, "Running"), "the pods of a deleted Job stay"
    name = pod["metadata"]["name"]
    request(cluster, "DELETE", f"{PODS}/{name}?gracePeriodSeconds={grace}")

    eventually(lambda: not cluster.pods(), every=0.01)
    assert not leftover_children(grace=60, but=before)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(job("true", image="other"), "ErrImagePull", id="image"),
        pytest.param(
            job("true", envFrom=[{"secretRef": {"name": "missing"}}]),
            CONFIG_ERROR,
            id="secret",
        ),
        pytest.param(job("true", workingDir="/missing"), "RunContainerError", id="folder"),
        pytest.param(
            job("true", env=[{"name": "X", "valueFrom": {"secretKeyRef": OTHER_KEY}}]),
            CONFIG_ERROR,
            id="key of a secret",
        ),
        pytest.param(job_with({"configMap": {"name": "missing"}}), CONFIG_ERROR, id="volume"),
        pytest.param(job_with({"nfs": {"path": "/"}}), "Invalid", id="kind of volume"),
    ],
)
def test_a_pod_that_can_not_start_says_why(cluster: Cluster, body: Any, reason: str):
    cluster.add_secret("secret", {"key": "value"})
    request(cluster, "POST", JOBS, body)

    events = "/api/v1/namespaces/default/events"
    event = eventually(lambda: request(cluster, "GET", events)[1]["items"])[0]

    (pod,) = cluster.pods()
    (container,) = pod["status"]["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == event["reason"] == reason
    assert event["involvedObject"]["name"] == pod["metadata"]["name"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{JOBS}/missing", None, 404),
        ("DELETE", f"{PODS}/missing", None, 404),
        ("GET", "/api/v1/namespaces/default/nodes", None, 404),
        ("GET", "/api/v1/namespaces/other/pods", None, 404),
        ("GET", f"{PODS}?labelSelector=a!%3Db", None, 400),
        ("POST", JOBS, {"kind": "Pod", **job("true")}, 400),
        ("POST", JOBS, job("true", name="A job"), 422),
        ("POST", JOBS, {"metadata": {"name": "job"}, "spec": {"backoffLimit": 6}}, 422),
    ],
)
def test_refusals(cluster: Cluster, method: str, path: str, body: Any, status: int):
    code, answer = request(cluster, method, path, body)

    assert (code, answer["kind"], answer["code"]) == (status, "Status", status), answer


def test_a_name_is_taken_once(cluster: Cluster):
    request(cluster, "POST", JOBS, job("true"))

    assert request(cluster, "POST", JOBS, job("true"))[0] == 409
    assert len(cluster.pods()) == 1
