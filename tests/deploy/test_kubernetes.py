"""The plain manifests are valid, and what is said twice in them is the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.deploy.files import ROOT, Manifest, containers, manifests, validate
from tests.deploy.served import configuration, longest_shutdown

MANIFESTS = manifests()

MADE_BY_COMMAND = {"example-s3-credentials"}
"""Secrets that docs/deploy.md makes."""

MADE_BY_THE_CHART = {"dagster-postgresql-secret"}
"""Secrets of Dagster itself, which has the database."""


@pytest.fixture
def deployment() -> Manifest:
    return MANIFESTS["Deployment/example"]["spec"]


@pytest.fixture
def container(deployment: Manifest) -> Manifest:
    (container,) = deployment["template"]["spec"]["containers"]
    return container


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_valid(name: str) -> None:
    validate(MANIFESTS[name])


def test_the_server_does_what_the_rest_counts_on(deployment: Manifest, container: Manifest) -> None:
    variables = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    config = configuration(container["args"], variables)

    (port,) = container["ports"]
    assert (config.host, config.port) == ("0.0.0.0", port["containerPort"])
    assert config.container_image == container["image"]
    grace = deployment["template"]["spec"]["terminationGracePeriodSeconds"]
    assert longest_shutdown(config) < grace
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == config.port
    (served,) = MANIFESTS["Service/example"]["spec"]["ports"]
    assert (served["port"], served["targetPort"]) == (config.port, port["name"])
    (allowed,) = MANIFESTS["NetworkPolicy/example-code-server"]["spec"]["ingress"]
    assert [each["port"] for each in allowed["ports"]] == [port["name"]]


def test_selectors_find_the_pods(deployment: Manifest) -> None:
    labels = deployment["template"]["metadata"]["labels"]
    spread = deployment["template"]["spec"]["topologySpreadConstraints"][0]
    assert deployment["replicas"] == 2
    assert deployment["selector"]["matchLabels"] == labels
    assert spread["labelSelector"]["matchLabels"] == labels
    assert MANIFESTS["Service/example"]["spec"]["selector"] == labels
    assert MANIFESTS["PodDisruptionBudget/example"]["spec"]["selector"]["matchLabels"] == labels
    policy = MANIFESTS["NetworkPolicy/example-code-server"]["spec"]
    assert policy["podSelector"]["matchLabels"] == labels


def test_what_is_referred_to_is_there() -> None:
    made = MADE_BY_COMMAND | MADE_BY_THE_CHART
    document = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for secret in MADE_BY_COMMAND:
        assert f"create secret generic {secret}" in document
    for kind, name in _references(list(MANIFESTS.values())):
        assert f"{kind}/{name}" in MANIFESTS or name in made, name


def _references(value: Any) -> set[tuple[str, str]]:
    """Every configuration and secret that is named anywhere in it."""
    found: set[tuple[str, str]] = set()
    kinds = {"configMapRef": "ConfigMap", "configMapKeyRef": "ConfigMap"}
    kinds |= {"secretRef": "Secret", "secretKeyRef": "Secret"}
    for each in value if isinstance(value, list) else [value]:
        for key, inner in each.items() if isinstance(each, dict) else ():
            if key in kinds:
                found.add((kinds[key], inner["name"]))
            elif isinstance(inner, (dict, list)):
                found |= _references(inner)
    return found


def test_nothing_runs_as_root_or_may_become_it() -> None:
    for pod, container in containers(list(MANIFESTS.values())):
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        rights = container["securityContext"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert not rights["allowPrivilegeEscalation"]
        assert "memory" in container["resources"]["limits"]


def test_the_example_knows_its_settings() -> None:
    code = (ROOT / "example_user_code" / "repo.py").read_text("utf-8")
    for name in MANIFESTS["ConfigMap/example-s3"]["data"]:
        assert f'os.environ.get("{name}")' in code


def test_the_s3_server_has_the_bucket() -> None:
    settings = MANIFESTS["ConfigMap/example-s3"]["data"]
    (server,) = MANIFESTS["Deployment/s3"]["spec"]["template"]["spec"]["containers"]
    (port,) = MANIFESTS["Service/s3"]["spec"]["ports"]
    assert f"-bucket={settings['EXAMPLE_S3_BUCKET']}" in server["args"]
    assert settings["EXAMPLE_S3_ENDPOINT_URL"] == f"http://s3:{port['port']}"


def test_the_context_of_runs_is_of_this_namespace() -> None:
    """Without a namespace in it, runs are launched where the launcher is."""
    context = json.loads(MANIFESTS["ConfigMap/example-runs"]["data"]["container-context.json"])
    assert "namespace" not in context["k8s"]
    assert f"ServiceAccount/{context['k8s']['service_account_name']}" in MANIFESTS
