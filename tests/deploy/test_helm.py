"""deploy/helm/values.yaml makes of the chart what is meant, under each generation of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from codeserver.config import Config
from tests.deploy.files import Manifest, containers, load, validate
from tests.deploy.rendering import Refused, render
from tests.deploy.served import configuration, longest_shutdown

Values = dict[str, Any]
Change = Callable[[Values, dict[str, Any]], object]

KILLED_BY_KUBERNETES_AFTER = 30
"""Seconds; the chart leaves it at Kubernetes's default."""


def _other_spelling(values: Values, deployment: dict[str, Any]) -> None:
    deployment["codeServerArgs"] = deployment.pop("dagsterApiGrpcArgs")


CHANGES: dict[str, Change] = {
    "as it is": lambda values, deployment: None,
    "codeServerArgs": _other_spelling,
    "a chart that fixes the server id": lambda values, deployment: values.update(
        generation={"fixedServerId": True, "replicaCount": True}
    ),
    "an old chart": lambda values, deployment: values.update(
        generation={"fixedServerId": False, "replicaCount": False}
    ),
    "runs without the configuration": lambda values, deployment: deployment.update(
        includeConfigInLaunchedRuns={"enabled": False}
    ),
}


def _changed(change: Change) -> Values:
    values: Values = copy.deepcopy(load("helm/values.yaml"))
    change(values, values["dagster-user-deployments"]["deployments"][0])
    return values


def _served(container: Manifest) -> Config:
    variables = {each["name"]: each["value"] for each in container["env"]}
    return configuration(container["args"], variables)


@pytest.mark.parametrize("name", CHANGES)
def test_values(name: str) -> None:
    manifests = render(_changed(CHANGES[name]))

    ((_, container),) = containers(manifests)
    config = _served(container)
    assert (config.host, config.port, config.python_file) == ("0.0.0.0", 3030, "/app/repo.py")
    assert config.container_image == container["image"]
    assert (config.container_context is None) == (name == "runs without the configuration")
    assert (config.fixed_server_id is None) == (name != "a chart that fixes the server id")
    assert longest_shutdown(config) <= KILLED_BY_KUBERNETES_AFTER
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"][:3] == ["dagster", "api", "grpc-health-check"]
    (deployment,) = (each for each in manifests if each["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == (1 if name == "an old chart" else 2)
    for manifest in manifests:
        validate(manifest)


def test_runs_get_what_the_deployment_has() -> None:
    ((_, container),) = containers(render(load("helm/values.yaml")))

    context = json.loads(_served(container).container_context or "")["k8s"]
    sources = {kind: each[kind]["name"] for each in container["envFrom"] for kind in each}
    assert sources["configMapRef"] in context["env_config_maps"]
    assert [sources["secretRef"]] == context["env_secrets"]
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
