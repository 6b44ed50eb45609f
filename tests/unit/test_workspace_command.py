"""The entries of a workspace.yaml, and what Dagster makes of the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster._core.workspace.load import location_origins_from_yaml_paths

from codeserver.api import v1
from codeserver.cli.commands.workspace import entry_of
from codeserver.cli.printing.failures import Failure
from codeserver.client.addresses import grpc_target, host_and_port, is_loopback
from tests.support.in_process import invoke
from tests.unit.client_peers import TypedApi, typed_api

SALES = v1.Location(
    name="sales",
    addresses=["unix:/run/x/sales.sock", "0.0.0.0:4101"],
    hosts=["sales-service", "sales"],
)
FULL = v1.Location(name="Q1 é", hosts=["q1.example.com", "q1--"], addresses=["unix:/run/x/q.sock"])
ONLY = v1.Location(name="repo.py", addresses=["127.0.0.1:4000"])
BARE = v1.Location(name="bare", hosts=["bare"])

LOCAL, CLUSTER, SOCKET = "127.0.0.1:4000", "dagster-code:3030", "unix:/run/x/s"

ENTRIES = [
    # of a server with several: by name, which is the default
    (SALES, LOCAL, None, None, ("sales.localhost", 4000)),
    (SALES, "localhost:5", "name", None, ("sales.localhost", 5)),
    (SALES, "[::1]:5", None, None, ("sales.localhost", 5)),
    (SALES, "sales.localhost:5", None, None, ("sales.localhost", 5)),
    (SALES, CLUSTER, None, None, ("sales-service", 3030)),
    (SALES, "dns:///code.team:3030", None, None, ("sales-service", 3030)),
    (SALES, LOCAL, "name", "team.svc", ("sales-service.team.svc", 4000)),
    (SALES, LOCAL, None, "", ("sales-service", 4000)),
    (FULL, LOCAL, None, None, ("q1--.localhost", 4000)),
    (FULL, CLUSTER, None, None, ("q1.example.com", 3030)),
    (FULL, CLUSTER, None, ".svc.", ("q1--.svc", 3030)),
    # by its own port or socket
    (SALES, LOCAL, "port", None, ("127.0.0.1", 4101)),
    (SALES, CLUSTER, "port", None, ("dagster-code", 4101)),
    (SALES, SOCKET, "port", None, ("localhost", 4101)),
    (SALES, LOCAL, "socket", None, "/run/x/sales.sock"),
    (SALES, SOCKET, None, None, "/run/x/sales.sock"),
    # of a server with one
    (ONLY, LOCAL, None, None, ("127.0.0.1", 4000)),
    (ONLY, CLUSTER, "name", None, ("dagster-code", 3030)),
    (ONLY, SOCKET, None, None, "/run/x/s"),
    (ONLY, CLUSTER, "port", None, ("dagster-code", 4000)),
]


@pytest.mark.parametrize(("location", "asked", "by", "domain", "expect"), ENTRIES)
def test_entry(
    location: v1.Location,
    asked: str,
    by: str | None,
    domain: str | None,
    expect: str | tuple[str, int],
) -> None:
    there: dict[str, str | int] = {}
    if isinstance(expect, str):
        there["socket"] = expect
    else:
        there["host"], there["port"] = expect
    assert entry_of(location, asked, by, domain) == {**there, "location_name": location.name}


REFUSED = [
    (SALES, SOCKET, "name", None, "--by name needs the port of the server; give it with --address"),
    (SALES, SOCKET, None, "svc", "--by name needs the port of the server; give it with --address"),
    (FULL, LOCAL, "port", None, 'Location "Q1 é" has no port of its own; try --by name or --by so'),
    (ONLY, LOCAL, "socket", None, 'Location "repo.py" has no socket of its own; try --by name or'),
    (BARE, SOCKET, None, None, 'Location "bare" has no socket of its own'),
    (ONLY, LOCAL, None, "svc", 'Location "repo.py" has no host name; leave --domain out.'),
]


@pytest.mark.parametrize(("location", "asked", "by", "domain", "says"), REFUSED)
def test_what_is_not_there(
    location: v1.Location, asked: str, by: str | None, domain: str | None, says: str
) -> None:
    with pytest.raises(Failure) as refused:
        entry_of(location, asked, by, domain)
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(
    ("address", "expect"),
    [
        ("127.0.0.1", ("127.0.0.1", 4000)),
        ("::1", ("[::1]", 4000)),
        (":5", ("localhost", 5)),
        ("dns:///name:5", ("name", 5)),
        ("dns://8.8.8.8/name", ("name", 4000)),
        ("ipv4:10.0.0.1:5", ("10.0.0.1", 5)),
        ("unix:/run/s", None),
        ("unix-abstract:s", None),
    ],
)
def test_host_and_port(address: str, expect: tuple[str, int] | None) -> None:
    assert host_and_port(grpc_target(address)) == expect


@pytest.mark.parametrize(
    ("host", "expect"),
    [
        *(("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("a.localhost", True)),
        *(("10.0.0.1", False), ("mylocalhost", False), ("a.svc", False)),
    ],
)
def test_is_loopback(host: str, expect: bool) -> None:
    assert is_loopback(host) is expect


@pytest.fixture
def api() -> Iterator[TypedApi]:
    with typed_api() as found:
        yield found


NAMES = ["sales", "Größe ✓", "yes", "1", 'quote"s: #', "-", "a\nb", "null", "/x"]


def test_dagster_loads_the_file(api: TypedApi, tmp_path: Path) -> None:
    locations = [v1.Location(name=name, hosts=[f"h{n}"]) for n, name in enumerate(NAMES)]
    api.replies["ListLocations"] = [v1.ListLocationsResponse(locations=locations)] * 2
    port = int(api.address.rpartition(":")[2])
    arguments = ("workspace", "--address", api.address)

    written = invoke(*arguments, "-o", "workspace.yaml", cwd=tmp_path)
    printed = invoke(*arguments, cwd=tmp_path)

    assert (written.code, written.out, written.err) == (0, "", "wrote workspace.yaml\n")
    assert printed.out == (tmp_path / "workspace.yaml").read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["workspace.yaml"]
    origins = location_origins_from_yaml_paths([str(tmp_path / "workspace.yaml")])
    assert [(each.location_name, each.host, each.port) for each in origins] == [
        (name, f"h{n}.localhost", port) for n, name in enumerate(NAMES)
    ]


def test_a_server_without_locations(api: TypedApi, tmp_path: Path) -> None:
    api.replies["ListLocations"] = [v1.ListLocationsResponse()]
    printed = invoke("workspace", "--address", api.address, cwd=tmp_path)
    assert yaml.safe_load(printed.out) == {"load_from": []}


def test_a_file_is_replaced_in_one_step(api: TypedApi, tmp_path: Path) -> None:
    api.replies["ListLocations"] = [v1.ListLocationsResponse(locations=[BARE])] * 3
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "w.yaml", tmp_path / "w.yaml"
    real.write_text("old")
    link.symlink_to(real)
    with real.open() as reader:
        arguments = ("workspace", "--address", api.address, "-o")
        assert invoke(*arguments, "w.yaml", cwd=tmp_path).code == 0
        assert reader.read() == "old"
    assert "bare.localhost" in real.read_text()
    assert link.is_symlink()
    assert invoke(*arguments, "/dev/null", cwd=tmp_path).code == 0
    assert not Path("/dev/null").is_file()
    failed = invoke(*arguments, "missing/w.yaml", cwd=tmp_path)
    assert (failed.code, failed.err) == (
        1,
        "Error: missing/w.yaml cannot be written: No such file or directory.\n",
    )
