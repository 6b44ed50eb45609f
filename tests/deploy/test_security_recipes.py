"""The files in docs/security-recipes.md are valid, and the server would do what they count on."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from codeserver.config import Config
from codeserver.exposure.listener import Listener
from tests.deploy.files import Manifest, containers, load, manifests, validate
from tests.deploy.rendering import render
from tests.deploy.served import configuration
from tests.docs.blocks import blocks

FILES: dict[str, Any] = {
    block.text.partition("\n")[0].removeprefix("# "): yaml.safe_load(block.text)
    for block in blocks("yaml")
    if block.document == Path("docs/security-recipes.md")
}
"""Each file by the comment that it begins with."""

COMPOSE = FILES["deploy/secured.yaml"]["services"]
CHANGES = FILES["values of the chart"]
POLICY = FILES["network policy for the chart"]


def merged(base: Any, change: Any) -> Any:
    """As Kubernetes, Helm and Compose do it; a list of what has names has its items merged."""
    if isinstance(base, dict) and isinstance(change, dict):
        keys = [*base, *(key for key in change if key not in base)]
        return {
            key: merged(base.get(key), change[key]) if key in change else base[key] for key in keys
        }
    if isinstance(base, list) and base and isinstance(base[0], dict) and "name" in base[0]:
        items = {each["name"]: each for each in base}
        return list(merged(items, {each["name"]: each for each in change}).values())
    return copy.deepcopy(change)


def secured(config: Config) -> Listener:
    """The only listener that others reach: it has a gateway, and TLS and tokens there are."""
    assert config.tls_cert
    assert config.tls_key
    assert config.auth_token_file
    found = [each for each in config.listen if each.host == "0.0.0.0" and each.is_gateway]
    rest = [each for each in config.listen if each.host == "0.0.0.0" and not each.is_gateway]
    assert all(each.tokens and each.role == "read" for each in rest)
    assert config.port is None or config.host == "127.0.0.1"
    (gateway,) = found
    assert gateway.tls is not False
    return gateway


def sockets(config: Config) -> list[str]:
    return [each.path for each in config.listen if each.path]


def test_compose() -> None:
    base = load("compose.yaml")
    whole = merged(base, FILES["deploy/secured.yaml"])
    judge = pytest.importorskip("compose_spec", reason="compose-spec is not there")
    judge.PyCompose.from_json(json.dumps(whole)).validate()
    code = whole["services"]["code"]
    config = configuration(code["command"], code["environment"])
    (location,) = FILES["deploy/secured-workspace.yaml"]["load_from"]
    server = location["grpc_server"]
    assert (server["host"], server["port"], server["ssl"]) == ("code", secured(config).port, True)
    assert code["healthcheck"]["test"] == [
        *("CMD", "codeserver", "health"),
        *(f"--socket={path}" for path in sockets(config)),
    ]
    for name in ("webserver", "daemon"):
        variables = COMPOSE[name]["environment"]
        assert variables["grpc_proxy"].endswith(f"@code:{server['port']}")
        mounted = [volume.split(":")[1] for volume in COMPOSE[name]["volumes"]]
        assert variables["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] in mounted


@pytest.fixture(scope="module")
def rendered() -> list[Manifest]:
    return render(merged(load("helm/values.yaml"), CHANGES))


def test_chart(rendered: list[Manifest]) -> None:
    for manifest in rendered:
        validate(manifest)
    ((pod, container),) = containers(rendered)
    variables = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    config = configuration(container["args"], variables)
    (service,) = (each for each in rendered if each["kind"] == "Service")
    (port,) = (each["port"] for each in service["spec"]["ports"])
    assert secured(config).port == port
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        command = container[probe]["exec"]["command"]
        assert command == ["codeserver", "health", "--socket", *sockets(config)]
    assert config.container_context is None, "pods of runs get the key"
    assert {each["name"] for each in container["volumeMounts"]} == {
        each["name"] for each in pod["volumes"]
    }
    (server,) = CHANGES["dagsterWebserver"]["workspace"]["servers"]
    assert (server["host"], server["port"]) == (service["metadata"]["name"], port)


def test_policy_of_the_chart(rendered: list[Manifest]) -> None:
    validate(POLICY)
    (deployment,) = (each for each in rendered if each["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert POLICY["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    (rule,) = POLICY["spec"]["ingress"]
    (service,) = (each for each in rendered if each["kind"] == "Service")
    assert [each["port"] for each in rule["ports"]] == [
        each["port"] for each in service["spec"]["ports"]
    ]


def test_plain_manifests() -> None:
    base = manifests()["Deployment/example"]
    patched = merged(base, FILES["patch of deployment/example"])
    validate(patched)
    ((_, container),) = containers([patched])
    config = configuration(container["args"], {})
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert secured(config).port == ports["grpc"]
    (health,) = (each for each in config.listen if not each.is_gateway)
    assert (health.port, health.tls) == (ports["health"], False)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == health.port
    assert container["readinessProbe"]["grpc"]["service"] == "codeserver.LastLoad"


def test_pod_with_a_socket() -> None:
    pod = FILES["pod"]
    validate(pod)
    server, *others = pod["spec"]["containers"]
    config = configuration(server["args"], {})
    (listener,) = config.listen
    assert config.port is None
    assert listener.mode == 0o660
    folder = str(Path(listener.path).parent)
    for container in (server, *others):
        assert folder in [each["mountPath"] for each in container["volumeMounts"]]
    assert server["readinessProbe"]["exec"]["command"][-1] == listener.path
