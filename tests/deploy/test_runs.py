"""dagster-k8s makes valid Kubernetes jobs of what is configured, and may do all that it does."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dagster_k8s.client
import kubernetes.client
import pytest
import yaml
from dagster._config import process_config
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job

from tests.deploy.files import Manifest, containers, load, manifests, validate
from tests.deploy.rendering import render

IMAGE = "registry.example.com/codeserver-example:0.1.0"


def _of_the_chart() -> K8sContainerContext:
    """The context of the deployment, with what the launcher of the instance adds."""
    rendered = render(load("helm/values.yaml"))
    ((_, container),) = containers(rendered)
    (text,) = (each["value"] for each in container["env"] if "CONTEXT" in each["name"])
    (instance,) = (each for each in rendered if each["metadata"]["name"] == "dagster-instance")
    launcher = yaml.safe_load(instance["data"]["run_launcher.yaml"])
    checked = process_config(K8sRunLauncher.config_type(), launcher["config"])
    assert checked.success, checked.errors
    of_the_launcher = {"run_k8s_config": launcher["config"]["run_k8s_config"]}
    context = K8sContainerContext.create_from_config({"k8s": of_the_launcher})
    return context.merge(K8sContainerContext.create_from_config(json.loads(text)))


def _of_the_manifests() -> K8sContainerContext:
    text = manifests()["ConfigMap/example-runs"]["data"]["container-context.json"]
    return K8sContainerContext.create_from_config(json.loads(text))


@pytest.mark.parametrize("source", [_of_the_chart, _of_the_manifests])
def test_pods_of_runs(source: Callable[[], K8sContainerContext]) -> None:
    context = source()
    job = construct_dagster_k8s_job(
        job_config=DagsterK8sJobConfig(
            job_image=IMAGE,
            dagster_home="/opt/dagster/dagster_home",
            instance_config_map="instance",
        ),
        args=["dagster", "api", "execute_run"],
        job_name="run",
        user_defined_k8s_config=context.run_k8s_config,
    )
    manifest = kubernetes.client.ApiClient().sanitize_for_serialization(job)

    validate(manifest)
    pod: Manifest = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    names = {source["name"] for each in container["envFrom"] for source in each.values()}
    assert names >= {"example-s3", "example-s3-credentials"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]
    assert manifest["spec"]["ttlSecondsAfterFinished"] == 3600


RESOURCES = {
    "namespaced_job": "jobs",
    "namespaced_job_status": "jobs/status",
    "namespaced_pod": "pods",
    "namespaced_pod_log": "pods/log",
    "namespaced_event": "events",
}
VERBS = {"read": "get", "list": "list", "create": "create", "delete": "delete"}


@cache
def _calls() -> set[tuple[str, str]]:
    """What the client of dagster-k8s asks of Kubernetes, as its source has it."""
    tree = ast.parse(Path(dagster_k8s.client.__file__).read_text("utf-8"))
    names = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr in ("batch_api", "core_api")
    }
    parts = [name.partition("_") for name in names]
    return {(RESOURCES[rest], VERBS[verb]) for verb, _, rest in parts}


def test_the_role_is_just_enough() -> None:
    allowed = {
        (resource, verb)
        for rule in manifests()["Role/example-runs"]["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert allowed == _calls()
