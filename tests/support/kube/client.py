"""Ask a cluster for something, as kubectl would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tests.support.eventually import PATIENCE, eventually
from tests.support.kube.cluster import Cluster

JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"


def request(cluster: Cluster, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Status and body of an answer."""
    asked = urllib.request.Request(
        cluster.url + path, method=method, data=None if body is None else json.dumps(body).encode()
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open(asked, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read().decode()
        is_json = "json" in answer.headers["Content-Type"]
        return answer.status, json.loads(text) if is_json else text


def job(
    command: str, *, name: str = "job", image: str = "shell", volumes: Any = (), **container: Any
) -> Any:
    """A Job whose pod runs this command of a shell; `container` is what else is said of it."""
    made: dict[str, Any] = {
        **container,
        "name": "main",
        "image": image,
        "command": ["sh", "-c", command],
    }
    pod = {"containers": [made], "volumes": list(volumes)}
    spec = {"backoffLimit": 0, "template": {"spec": pod}}
    return {"metadata": {"name": name}, "spec": spec}


def pod_in(cluster: Cluster, phase: str) -> Any:
    """The only pod, once it is in that phase."""

    def found() -> Any:
        (pod,) = cluster.pods("job-name=job")
        return pod if pod["status"]["phase"] == phase else None

    return eventually(found, every=0.01, what=f"pod is {phase}")
