"""deploy/locations and deploy/helm/locations.yaml: locations of one pod, told by their names."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import kubernetes.client
import pytest
import yaml
from dagster._grpc.__generated__ import DagsterApiStub, dagster_api_pb2
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job
from grpc_health.v1 import health_pb2, health_pb2_grpc

from codeserver.config import Config
from codeserver.locations import Entry
from codeserver.locations.reading import read
from tests.deploy.files import ROOT, Manifest, containers, load, manifests, validate
from tests.deploy.rendering import render
from tests.deploy.served import configuration, longest_shutdown
from tests.docs.blocks import blocks
from tests.support.eventually import eventually
from tests.support.processes import nothing_left_behind
from tests.support.servers import ServerProcess

MANIFESTS = manifests("locations")
TEXT = MANIFESTS["ConfigMap/code-locations"]["data"]["locations.toml"]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
SERVICES = {name.partition("/")[2] for name in MANIFESTS if name.startswith("Service/")}

CODE = """
from dagster import Definitions, job

@job(name=__file__.split("/")[-2])
def work(): ...

defs = Definitions(jobs=[work])
"""


@pytest.fixture(autouse=True, scope="module")
def no_process_left_behind() -> Iterator[None]:
    with nothing_left_behind():
        yield


@pytest.fixture
def pod() -> tuple[Manifest, Manifest]:
    (found,) = containers(list(MANIFESTS.values()))
    return found


@pytest.fixture
def entries(tmp_path: Path, pod: tuple[Manifest, Manifest]) -> dict[str, Entry]:
    """The locations, with the settings of the command line and the variables."""
    (tmp_path / "locations.toml").write_text(TEXT)
    found = read(str(tmp_path / "locations.toml"), _configuration(pod[1]))
    return {each.name: each for each in found}


def _configuration(container: Manifest) -> Config:
    variables = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    return configuration(container["args"], variables)


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_valid(name: str) -> None:
    validate(MANIFESTS[name])


def test_the_pod_fits_the_server(pod: tuple[Manifest, Manifest]) -> None:
    spec, container = pod
    config = _configuration(container)
    (port,) = container["ports"]
    (mount, _) = container["volumeMounts"]
    (volume, _) = spec["volumes"]

    assert (config.host, config.port) == ("0.0.0.0", port["containerPort"])
    assert config.container_image == container["image"]
    assert config.locations == f"{mount['mountPath']}/locations.toml"
    assert "subPath" not in mount
    assert volume == {"name": mount["name"], "configMap": {"name": "code-locations"}}
    assert longest_shutdown(config) < spec["terminationGracePeriodSeconds"]
    assert all(container[probe]["grpc"]["port"] == config.port for probe in PROBES)
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert "memory" in container["resources"]["limits"]


def test_selectors_find_the_pods() -> None:
    deployment = MANIFESTS["Deployment/locations"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert MANIFESTS["PodDisruptionBudget/locations"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["NetworkPolicy/locations"]["spec"]["podSelector"]["matchLabels"] == labels
    for name in SERVICES:
        assert MANIFESTS[f"Service/{name}"]["spec"]["selector"] == labels


def test_each_location_has_a_service_and_an_entry_in_the_workspace(
    entries: dict[str, Entry],
) -> None:
    rendered = render(load("helm/locations.yaml"))
    (workspace,) = (each for each in rendered if "workspace.yaml" in each.get("data", {}))
    servers = [
        each["grpc_server"]
        for each in yaml.safe_load(workspace["data"]["workspace.yaml"])["load_from"]
    ]

    assert not list(containers(rendered)), "the chart deploys no code"
    assert {each["location_name"] for each in servers} == set(entries)
    assert {each["host"] for each in servers} == SERVICES
    for each in servers:
        assert each["host"] in entries[each["location_name"]].hosts
        (port,) = MANIFESTS[f"Service/{each['host']}"]["spec"]["ports"]
        assert (port["port"], port["targetPort"]) == (each["port"], "grpc")


def test_pods_of_runs(entries: dict[str, Entry], pod: tuple[Manifest, Manifest]) -> None:
    for name, entry in entries.items():
        assert entry.config.container_image == pod[1]["image"]
        context = K8sContainerContext.create_from_config(dict(entry.config.container_context or {}))
        job = construct_dagster_k8s_job(
            DagsterK8sJobConfig(entry.config.container_image, "/opt/dagster/dagster_home", "map"),
            args=[entry.config.python, "-m", "dagster", "api", "execute_run"],
            job_name="run",
            user_defined_k8s_config=context.run_k8s_config,
        )
        manifest = kubernetes.client.ApiClient().sanitize_for_serialization(job)
        validate(manifest)
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        assert {"secretRef": {"name": f"{name}-secrets"}} in container["envFrom"]
        assert container["resources"]["limits"]["memory"]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the server of the pod, on this machine, with some code."""
    (_, container), root = next(containers(list(MANIFESTS.values()))), tmp_path_factory.mktemp("d")
    for path in ("sales/repo.py", "finance/finance/definitions.py"):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(CODE)
    text = re.sub(r'"/code/\w+/\.venv/bin/python"', json.dumps(sys.executable), TEXT)
    (root / "locations.toml").write_text(text.replace("/code/", f"{root}/"))
    arguments = [sys.executable, "-m", *container["args"]]
    for name, instead in {
        "--locations": str(root / "locations.toml"),
        "--host": "127.0.0.1",
        "--port": "0",
        "--drain-delay": "0",
    }.items():
        arguments[arguments.index(name) + 1] = instead
    with ServerProcess(arguments, root / "s.sock", env={"DAGSTER_HOME": str(root)}) as server:
        (root / "dagster.yaml").touch()
        found = eventually(lambda: re.search(r"127\.0\.0\.1:(\d+)", server.text))
        yield int(found[1])


def _channel(port: int, host: str) -> grpc.Channel:
    options = [("grpc.default_authority", f"{host}:4000")]
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=options)


def test_a_service_leads_to_its_location(port: int) -> None:
    for server in load("helm/locations.yaml")["dagsterWebserver"]["workspace"]["servers"]:
        with _channel(port, server["host"]) as channel:
            request = dagster_api_pb2.ListRepositoriesRequest()
            reply = DagsterApiStub(channel).ListRepositories(request)
        text = reply.serialized_list_repositories_response_or_error
        assert f'"{server["name"]}-secrets"' in text


def test_the_probes_reach_the_server(port: int, pod: tuple[Manifest, Manifest]) -> None:
    """The kubelet calls the address of the pod."""
    with _channel(port, "10.1.2.3") as channel:
        health = health_pb2_grpc.HealthStub(channel)

        def is_serving(name: str) -> bool:
            return bool(health.Check(health_pb2.HealthCheckRequest(service=name)).status == 1)

        for probe in PROBES:
            name = pod[1][probe]["grpc"].get("service", "")
            assert eventually(partial(is_serving, name), what=name)


def test_a_service_of_compose_has_the_names_of_the_locations(entries: dict[str, Entry]) -> None:
    judge = pytest.importorskip("compose_spec", reason="compose-spec is not there")
    (block,) = (each for each in blocks("yaml") if each.document.name == "locations-in-clusters.md")
    compose = yaml.safe_load(block.text)
    judge.PyCompose.from_json(json.dumps(compose)).validate()

    code = compose["services"]["code"]
    config = configuration(code["command"], {})
    assert f"--port={config.port}" in code["healthcheck"]["test"]
    assert longest_shutdown(config) <= int(code["stop_grace_period"].removesuffix("s"))
    (path,) = (volume.split(":")[1] for volume in code["volumes"])
    assert path == config.locations
    aliases = code["networks"]["default"]["aliases"]
    assert len(aliases) == len(entries)
    assert all(any(alias in each.hosts for each in entries.values()) for alias in aliases)


def test_what_is_referred_to_is_made_in_the_document(pod: tuple[Manifest, Manifest]) -> None:
    document = (ROOT / "docs" / "locations-in-clusters.md").read_text("utf-8")
    for name in re.findall(r'env_secrets = \["([\w-]+)"\]', TEXT):
        assert f"create secret generic {name} " in document
    for path in re.findall(r'python = "(.+)/bin/python"', TEXT):
        assert f"python -m venv {path} " in document
