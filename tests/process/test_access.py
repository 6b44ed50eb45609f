"""Who may call what: each listener, each identity, each RPC, with real certificates."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc
import pytest
import trustme
from dagster._core.workspace.load import location_origins_from_yaml_paths

from bench.origins import GrpcServerCodeLocationOrigin
from codeserver.front.access.roles import NEEDED, Role
from tests.process.access import (
    TOKENS,
    Issuer,
    addresses_of,
    asking_for,
    expected,
    harmless,
    methods,
    outcome,
    token_of,
    write_tokens,
)
from tests.process.conftest import Start
from tests.process.serving import LIMIT, USER_CODE, Server, serve
from tests.support.eventually import eventually
from tests.support.in_process import invoke

REPO = ("-f", str(USER_CODE / "repo.py"))
NO_TOKEN = "UNAUTHENTICATED: Send the metadata `authorization: Bearer TOKEN`."
UNKNOWN = "UNAUTHENTICATED: The token is not known here."


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(trustme.CA(), tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(home: Path, issuer: Issuer) -> Iterator[Server]:
    """Listens on a socket, with TLS and tokens, for everybody to read, and as a gateway."""
    write_tokens(issuer.folder / "tokens")
    options = [
        *("--auth-token-file", str(issuer.folder / "tokens")),
        *issuer.issue("server", "localhost"),
        *("--listen", "localhost:0"),
        *("--listen", "localhost:0,plain,open,role=read"),
        *("--listen", "localhost:0,gateway,plain,role=evaluate"),
        *("--listen", "127.0.0.1:0,gateway"),
    ]
    socket = issuer.folder / "s"
    with serve(home, socket, *REPO, *options, cwd=USER_CODE) as started:
        assert started.id
        yield started


def test_each_rpc_needs_a_role() -> None:
    assert {*methods(), "ServerReflectionInfo"} == set(NEEDED)


def test_who_reaches_the_socket_may_do_everything(server: Server) -> None:
    found = {rpc: outcome(server.channel, rpc) for rpc in harmless(Role.OPERATE)}
    assert found == dict.fromkeys(found, "let through")


@pytest.mark.parametrize("name", [*TOKENS, "stranger", None])
def test_tokens(server: Server, issuer: Issuer, name: str | None) -> None:
    tls = addresses_of(server)[1]
    role = TOKENS.get(name or "", Role.READ)
    with grpc.secure_channel(_named(tls), issuer.trust()) as channel:
        token = None if name is None else token_of(name)
        found = {rpc: outcome(channel, rpc, token) for rpc in harmless(role)}
    if name in TOKENS:
        assert found == {rpc: expected(rpc, role, f"token {name}") for rpc in found}
    else:
        assert found == dict.fromkeys(found, NO_TOKEN if name is None else UNKNOWN)


def test_a_listener_limits_everybody(server: Server) -> None:
    with grpc.insecure_channel(addresses_of(server)[2]) as channel:
        found = {rpc: outcome(channel, rpc, token_of("ci")) for rpc in harmless(Role.READ)}
    assert found == {rpc: expected(rpc, Role.READ, "this address") for rpc in found}


def test_a_server_that_is_read_only(start: Start) -> None:
    server = start(*REPO, "--read-only", cwd=USER_CODE)
    found = {rpc: outcome(server.channel, rpc) for rpc in harmless(Role.READ)}
    assert found == {rpc: expected(rpc, Role.READ, "this address") for rpc in found}


CLIENT = """
import sys
from dagster._grpc.client import DagsterGrpcClient

client = DagsterGrpcClient(host="code.example", port=4000, use_ssl=sys.argv[1] == "ssl")
for call in (client.get_server_id, client.list_repositories, lambda: client.reload_code(60)):
    try:
        call()
        print("let through")
    except Exception as error:
        print(str(error.__cause__).replace(chr(10), " "))
"""


@pytest.mark.parametrize("ssl", ["", "ssl"])
@pytest.mark.parametrize("name", [*TOKENS, "stranger", None])
def test_dagsters_own_client_at_the_gateway(
    server: Server, issuer: Issuer, name: str | None, ssl: str
) -> None:
    """It sends no token, but gRPC within it opens connections through a proxy."""
    if ssl:
        issuer.issue("server", "code.example")
    user = "" if name is None else f"{name}:{token_of(name)}@"
    env = {
        **os.environ,
        "grpc_proxy": f"http://{user}{addresses_of(server)[3]}",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": issuer.write_ca(),
    }
    command = [sys.executable, "-c", CLIENT, ssl]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    server_id, listing, reload = run.stdout.splitlines()
    if name in TOKENS:
        assert server_id == listing == "let through"
        most = min(TOKENS[name or ""], Role.EVALUATE)
        assert f"ReloadCode needs the role operate; this address has the role {most.word}" in reload
    else:
        assert "407" in server_id
        assert "407" in listing
        assert "407" in reload


def test_a_gateway_of_a_server_with_a_certificate_wants_tls(server: Server) -> None:
    """`plain` lets both through: the client decides."""
    ends = {}
    for place in (3, 4):
        host, _, port = addresses_of(server)[place].rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as client:
            client.sendall(asking_for("code.example", "ci"))
            assert client.recv(1024).startswith(b"HTTP/1.1 200 ")
            client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            ends[place] = client.recv(1024) == b""
    assert ends == {3: False, 4: True}
    said = "a connection without TLS was refused at the gateway: the client at 127.0.0.1:"
    eventually(lambda: said in server.server.text)


def test_a_location_that_does_not_exist(start: Start, issuer: Issuer, work: Path) -> None:
    """The gateway of several locations says which there are."""
    write_tokens(issuer.folder / "tokens")
    (work / "list.toml").write_text(f'[locations.sales]\npython_file = "{USER_CODE}/repo.py"\n')
    tokens = ("--auth-token-file", str(issuer.folder / "tokens"))
    server = start("--locations", "list.toml", *tokens, "--listen", "127.0.0.1:0,gateway")
    answers = [connect(addresses_of(server)[1], host) for host in ("sales", "sold")]
    assert answers[0].startswith("HTTP/1.1 200 ")
    assert answers[1].startswith("HTTP/1.1 404 Not Found\r\n")
    assert answers[1].endswith("with or without a domain, such as NAME.localhost: sales.\n")


def connect(gateway: str, host: str) -> str:
    """The answer of a gateway to a client with a token that asks for this host."""
    credentials = base64.b64encode(f"ci:{token_of('ci')}".encode()).decode()
    request = f"CONNECT {host}:4000 HTTP/1.1\r\nProxy-Authorization: Basic {credentials}\r\n\r\n"
    where, _, port = gateway.rpartition(":")
    with socket.create_connection((where, int(port)), LIMIT) as client:
        client.sendall(request.encode())
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(1000), b"")).decode()


def test_a_workspace_for_dagster(server: Server, issuer: Issuer) -> None:
    issuer.issue("server", "localhost")
    address = f"tls://{_named(addresses_of(server)[1])}"
    secret = issuer.folder / "secret"
    secret.write_text(token_of("catalogue"))
    identity = ("--tls-ca", issuer.write_ca(), "--token-file", str(secret))
    written = invoke("workspace", "--address", address, *identity, cwd=issuer.folder)
    assert written.code == 0, written.err
    (issuer.folder / "workspace.yaml").write_text(written.out)
    (origin,) = location_origins_from_yaml_paths([str(issuer.folder / "workspace.yaml")])
    assert isinstance(origin, GrpcServerCodeLocationOrigin)
    assert (origin.host, origin.use_ssl) == ("localhost", True)
    assert address.endswith(f":{origin.port}")


def test_a_certificate_is_replaced_while_it_is_served(server: Server, issuer: Issuer) -> None:
    """One that does not fit is not served; the one from before is."""
    address = _named(addresses_of(server)[1])
    key = issuer.folder / "server.key"
    fits = key.read_bytes()
    issuer.issue("server", "localhost")
    new_key = key.read_bytes()
    key.write_bytes(fits)
    assert _greets(address, issuer)
    said = "cannot be used: the key does not belong to the certificate. The certificate stays"
    eventually(lambda: said in server.server.text)
    key.write_bytes(new_key)
    assert _greets(address, issuer)
    eventually(lambda: "a new certificate is served" in server.server.text)


def test_tokens_are_read_again(server: Server, issuer: Issuer) -> None:
    path = issuer.folder / "tokens"
    before = path.read_text()
    with grpc.secure_channel(_named(addresses_of(server)[1]), issuer.trust()) as channel:
        path.write_text("")
        assert outcome(channel, "GetServerId", token_of("ci")) == "let through"
        said = "has no token; write lines `NAME TOKEN [ROLE]`. The tokens stay as they are."
        eventually(lambda: said in server.server.text)
        path.write_text(f"other {token_of('other')} read")
        assert outcome(channel, "GetServerId", token_of("ci")) == UNKNOWN
        assert outcome(channel, "GetServerId", token_of("other")) == "let through"
        path.write_text(before)
        assert outcome(channel, "GetServerId", token_of("ci")) == "let through"


@pytest.mark.parametrize("fault", ["wrong CA", "wrong host", "expired", "plaintext"])
def test_a_client_refuses_what_it_does_not_trust(
    start: Start, issuer: Issuer, work: Path, fault: str
) -> None:
    expired = {"not_after": datetime.now(timezone.utc) - timedelta(days=1)}
    options = issuer.issue(
        "faulty",
        "elsewhere.example" if fault == "wrong host" else "localhost",
        **(expired if fault == "expired" else {}),
    )
    server = start(*REPO, *options, "--listen", "localhost:0")
    address = _named(addresses_of(server)[1])
    trusted = Issuer(trustme.CA(), work) if fault == "wrong CA" else issuer
    channel = (
        grpc.insecure_channel(address)
        if fault == "plaintext"
        else grpc.secure_channel(address, trusted.trust())
    )
    with channel, pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/api.DagsterApi/GetServerId")(b"", timeout=60)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert server.id


@pytest.mark.parametrize("by", ["port", "gateway"])
def test_certificates_of_clients(start: Start, issuer: Issuer, by: str) -> None:
    """Only those of the CA are let in, and of those only the names that are listed."""
    write_tokens(issuer.folder / "tokens")
    listener = "localhost:0,open" if by == "port" else "localhost:0,gateway"
    server = start(
        *REPO,
        *("--auth-token-file", str(issuer.folder / "tokens")),
        *issuer.issue("mutual", "localhost"),
        *("--tls-client-ca", issuer.write_ca(), "--tls-allow", "webserver.example"),
        *("--listen", listener),
    )
    address = _named(addresses_of(server)[1])
    options: list[tuple[str, str]] = []
    if by == "gateway":
        options = [("grpc.http_proxy", f"http://ci:{token_of('ci')}@{address}")]
    found = {}
    clients = {
        "allowed": issuer.ca.issue_cert("webserver.example"),
        "other": issuer.ca.issue_cert("other.example"),
        "foreign": trustme.CA().issue_cert("webserver.example"),
        "none": None,
    }
    for name, client in clients.items():
        with grpc.secure_channel(address, issuer.trust(client), options) as channel:
            found[name] = _status(channel)
    assert found == {
        "allowed": "OK",
        "other": "UNAUTHENTICATED",
        "foreign": "UNAVAILABLE",
        "none": "UNAVAILABLE",
    }


def _named(address: str) -> str:
    return f"localhost:{address.rpartition(':')[2]}"


def _greets(address: str, issuer: Issuer) -> bool:
    """Whether a new connection with TLS can be made."""
    pool = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(address, issuer.trust(), pool) as channel:
        return outcome(channel, "GetServerId", token_of("ci")) == "let through"


def _status(channel: grpc.Channel) -> str:
    try:
        channel.unary_unary("/api.DagsterApi/GetServerId")(b"", timeout=60)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"
