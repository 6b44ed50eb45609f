"""Runs of the example in Kubernetes: how they are configured, and what is left of their pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.kube import Cluster
from tests.support.kube.store import Object
from tests.support.s3 import REGION, S3

BUCKET = "a-bucket"
# What the Kubernetes deployment guide gives the ops.
OPS: dict[str, Any] = {
    "ops": {"multiply_the_word": {"config": {"factor": 0}, "inputs": {"word": ""}}}
}
# What dagster-k8s needs to be allowed.
ROLE = {
    *((verb, "jobs") for verb in ("create", "get", "list", "delete")),
    ("get", "jobs/status"),
    *((verb, "pods") for verb in ("get", "list", "delete")),
    ("get", "pods/log"),
    ("list", "events"),
}


def pod_per_op(
    s3: S3,
    *,
    s3_bucket: str = BUCKET,
    endpoint_url: str | None = None,
    max_attempts: int | None = None,
    **container: Any,
) -> dict[str, Any]:
    """The guide's run config for `pod_per_op_job`; `container` changes the first op's."""
    server: dict[str, Any] = {"endpoint_url": endpoint_url or s3.url, "region_name": REGION}
    if max_attempts:
        server["max_attempts"] = max_attempts
    run_config = {
        **OPS,
        "resources": {
            "io_manager": {"config": {"s3_bucket": s3_bucket}},
            "s3": {"config": server},
        },
    }
    if container:
        step = {"multiply_the_word": {"container_config": container}}
        run_config["execution"] = {"config": {"per_step_k8s_config": step}}
    return run_config


def pods_of(cluster: Cluster, run_id: str) -> dict[str, Object]:
    """The pods of a run by op; the run's own is `run`."""
    found = cluster.pods(f"dagster/run-id={run_id}")
    by_op = {pod["metadata"]["labels"].get("dagster/op", "run"): pod for pod in found}
    assert len(by_op) == len(found), "an op has one pod"
    return by_op


def ended(pod: Object) -> Mapping[str, Any] | None:
    """How a pod's container ended, if it has."""
    (container,) = pod["status"].get("containerStatuses") or [{"state": {}}]
    return container["state"].get("terminated")


def last_words(cluster: Cluster, pod: Object) -> str:
    """What dagster-k8s tells of a failed pod: its status, last lines and warnings."""
    from dagster_k8s.client import DagsterKubernetesClient
    from kubernetes.client import ApiClient, BatchV1Api, Configuration, CoreV1Api

    configuration = Configuration(host=cluster.url)
    configuration.proxy = None
    with ApiClient(configuration) as client:
        dagster_client = DagsterKubernetesClient.production_client(
            batch_api_override=BatchV1Api(client), core_api_override=CoreV1Api(client)
        )
        return dagster_client.get_pod_debug_info(
            pod["metadata"]["name"], pod["metadata"]["namespace"]
        )
