"""deploy/helm/values.yaml makes of the chart what is meant, under each generation of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from dagster._config import process_config
from dagster._core.run_coordinator import QueuedRunCoordinator

from codeserver.config import Config
from tests.deploy.files import ROOT, Manifest, containers, load, validate
from tests.deploy.rendering import Refused, render
from tests.deploy.served import configuration, longest_shutdown

Values = dict[str, Any]
Change = Callable[[Values, dict[str, Any]], object]

KILLED_BY_KUBERNETES_AFTER = 30
"""Seconds; the chart leaves it at Kubernetes's default."""


def _other_spelling(values: Values, deployment: dict[str, Any]) -> None:
    """Other arguments of the same names; the chart wants one replica with them."""
    deployment["codeServerArgs"] = deployment.pop("dagsterApiGrpcArgs")
    del deployment["replicaCount"]


CHANGES: dict[str, Change] = {
    "as it is": lambda values, deployment: None,
    "codeServerArgs": _other_spelling,
    "an old chart": lambda values, deployment: values.update(generation={"current": False}),
    "runs without the configuration": lambda values, deployment: deployment.update(
        includeConfigInLaunchedRuns={"enabled": False}
    ),
}


def _changed(change: Change) -> Values:
    values: Values = copy.deepcopy(load("helm/values.yaml"))
    change(values, values["dagster-user-deployments"]["deployments"][0])
    return values


def _served(container: Manifest) -> Config:
    variables = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    return configuration(container["args"], variables)


@pytest.mark.parametrize("name", CHANGES)
def test_values(name: str) -> None:
    manifests = render(_changed(CHANGES[name]))

    ((_, container),) = containers(manifests)
    config = _served(container)
    assert (config.host, config.port, config.python_file) == ("0.0.0.0", 3030, "/app/repo.py")
    assert config.container_image == container["image"]
    assert (config.container_context is None) == (name == "runs without the configuration")
    one = name in ("an old chart", "codeServerArgs")
    assert (config.fixed_server_id is None) == one
    assert longest_shutdown(config) <= KILLED_BY_KUBERNETES_AFTER
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"][:3] == ["dagster", "api", "grpc-health-check"]
    (deployment,) = (each for each in manifests if each["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == (1 if one else 2)
    for manifest in manifests:
        validate(manifest)


def test_queue_is_looked_at_each_second() -> None:
    manifests = render(load("helm/values.yaml"))
    (instance,) = (each for each in manifests if each["metadata"]["name"] == "dagster-instance")
    coordinator = yaml.safe_load(instance["data"]["run_coordinator.yaml"])
    config = process_config(QueuedRunCoordinator.config_type(), coordinator["config"])
    assert config.success, config.errors
    assert config.value["dequeue_interval_seconds"] == 1


def test_runs_get_what_the_deployment_has() -> None:
    ((_, container),) = containers(render(load("helm/values.yaml")))

    context = (_served(container).container_context or {})["k8s"]
    sources = [(kind, each[kind]["name"]) for each in container["envFrom"] for kind in each]
    for name in context["env_config_maps"]:
        assert ("configMapRef", name) in sources
    for name in context["env_secrets"]:
        assert ("secretRef", name) in sources
    assert context["resources"] == container["resources"]
    assert context["volume_mounts"] == container["volumeMounts"]


MISTAKES: dict[str, tuple[Change, str]] = {
    "a name that is not one": (
        lambda values, deployment: deployment.update(dagsterApiGrpcArg=["-f", "repo.py"]),
        "'dagsterApiGrpcArg' not allowed",
    ),
    "a probe that the chart would drop": (
        lambda values, deployment: deployment.update(livenessProbe={"grpc": {"port": 3030}}),
        "'grpc' not allowed",
    ),
    "a port that is text": (
        lambda values, deployment: deployment.update(port="3030"),
        "got string, want integer",
    ),
    "more of what is reloaded than one": (
        lambda values, deployment: deployment.update(
            codeServerArgs=deployment.pop("dagsterApiGrpcArgs")
        ),
        "codeServerArgs is for one replica",
    ),
    "a launcher that is not there": (
        lambda values, deployment: values["runLauncher"].update(type="K8sLauncher"),
        "/runLauncher/type",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str) -> None:
    change, message = MISTAKES[name]
    with pytest.raises(Refused, match=message):
        render(_changed(change))


def test_names_in_the_document_are_those_of_the_chart() -> None:
    document = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    manifests = {each["kind"]: each for each in render(load("helm/values.yaml"))}
    deployment, service = manifests["Deployment"], manifests["Service"]
    label = deployment["spec"]["template"]["metadata"]["labels"]["deployment"]
    (port,) = (each["port"] for each in service["spec"]["ports"])

    assert f"exec deploy/{deployment['metadata']['name']} -- " in document
    assert f"logs -l deployment={label} " in document
    assert f"port-forward service/{service['metadata']['name']} 4000:{port} " in document
    assert f"--address localhost:{port}\n" in document
