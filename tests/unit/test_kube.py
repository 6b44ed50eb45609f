"""The cluster of the acceptance tests: what a client of it can rely on."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.kube import Cluster, Image
from tests.support.processes import leftover_children

JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    image = Image({"PATH": "/usr/bin:/bin", "GREETING": "hello"}, tmp_path)
    with Cluster(tmp_path, {"shell": image}) as cluster:
        yield cluster


def request(cluster: Cluster, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and body of an answer."""
    asked = urllib.request.Request(
        cluster.url + path, method=method, data=None if body is None else json.dumps(body).encode()
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open(asked, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode()
        is_json = "json" in answer.headers["Content-Type"]
        return answer.status, json.loads(text) if is_json else text


def job(command: str, *, name: str = "job", image: str = "shell", **container: Any) -> Any:
    made: dict[str, Any] = {
        **container,
        "name": "main",
        "image": image,
        "command": ["sh", "-c", command],
    }
    spec = {"backoffLimit": 0, "template": {"spec": {"containers": [made]}}}
    return {"metadata": {"name": name}, "spec": spec}


def pod_in(cluster: Cluster, phase: str) -> Any:
    """The only pod, once it is in that phase."""

    def found() -> Any:
        (pod,) = cluster.pods("job-name=job")
        return pod if pod["status"]["phase"] == phase else None

    return eventually(found, within=10, every=0.01, what=f"pod is {phase}")


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

    eventually(lambda: not cluster.pods(), within=10, every=0.01)
    assert not leftover_children(grace=5, but=before)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(job("true", image="other"), "ErrImagePull", id="image"),
        pytest.param(
            job("true", envFrom=[{"secretRef": {"name": "missing"}}]),
            "CreateContainerConfigError",
            id="secret",
        ),
        pytest.param(job("true", workingDir="/missing"), "RunContainerError", id="folder"),
    ],
)
def test_a_pod_that_can_not_start_says_why(cluster: Cluster, body: Any, reason: str):
    request(cluster, "POST", JOBS, body)

    events = "/api/v1/namespaces/default/events"
    event = eventually(lambda: request(cluster, "GET", events)[1]["items"], within=10)[0]

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
