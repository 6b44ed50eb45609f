"""Certificates, tokens and calls for tests of who may call what."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import trustme

from codeserver.api.v1 import code_location_pb2
from codeserver.dagster_wire import dagster_api_pb2
from codeserver.front.access.roles import NEEDED, Role
from tests.process.serving import LIMIT, Server

TOKENS = {"catalogue": Role.READ, "daemon": Role.EVALUATE, "ci": Role.OPERATE}


def token_of(name: str) -> str:
    return f"the-token-of-{name}-0123456789"


def write_tokens(path: Path) -> None:
    lines = (f"{name} {token_of(name)} {role.word}" for name, role in TOKENS.items())
    path.write_text("# name, token, role\n" + "\n".join(lines))


@dataclass(frozen=True)
class Issuer:
    """A CA, and a folder for what it issues."""

    ca: trustme.CA
    folder: Path

    def issue(self, name: str, *names: str, **facts: Any) -> list[str]:
        """The options of a server with a new certificate in files of this name."""
        issued = self.ca.issue_cert(*names, **facts)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return ["--tls-cert", str(certificate), "--tls-key", str(key)]

    def write_ca(self) -> str:
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return str(path)

    def trust(self, client: trustme.LeafCert | None = None) -> grpc.ChannelCredentials:
        """What a client of the server trusts and shows."""
        chain = None if client is None else b"".join(x.bytes() for x in client.cert_chain_pems)
        key = None if client is None else client.private_key_pem.bytes()
        return grpc.ssl_channel_credentials(self.ca.cert_pem.bytes(), key, chain)


def addresses_of(server: Server) -> list[str]:
    """The addresses of a server, as it logs them."""
    found = re.search(r"listening on (.*)", server.server.text)
    assert found
    return found[1].split(", ")


def asking_for(host: str, name: str) -> bytes:
    """The request by which the caller of this name asks a gateway for a host."""
    basic = base64.b64encode(f"{name}:{token_of(name)}".encode()).decode()
    return (f"CONNECT {host}:4000 HTTP/1.1\r\nProxy-Authorization: Basic {basic}\r\n\r\n").encode()


def methods() -> Mapping[str, tuple[str, bool]]:
    """The path of each RPC that needs a role, and whether its replies are a stream, by name."""
    services = [
        *dagster_api_pb2.DESCRIPTOR.services_by_name.values(),
        *code_location_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    return {
        method.name: (f"/{service.full_name}/{method.name}", method.server_streaming)
        for service in services
        for method in service.methods
    }


def outcome(channel: grpc.Channel, rpc: str, token: str | None = None) -> str:
    """`let through`, or why not: the status and its words."""
    path, is_stream = methods()[rpc]
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    kind: Any = channel.unary_stream if is_stream else channel.unary_unary
    try:
        reply = kind(path, bytes, bytes)(b"", timeout=LIMIT, metadata=metadata)
        if is_stream:
            next(iter(reply), None)
            reply.cancel()
    except grpc.RpcError as error:
        status = error.code()
        if status in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            return f"{status.name}: {error.details()}"
    return "let through"


def expected(rpc: str, role: Role, who: str) -> str:
    """The outcome of a call by who may do this much."""
    needed = NEEDED[rpc]
    if role >= needed:
        return "let through"
    return f"PERMISSION_DENIED: {rpc} needs the role {needed.word}; {who} has the role {role.word}."


def harmless(role: Role) -> Iterator[str]:
    """The RPCs that a test may make in this role."""
    for rpc in methods():
        if rpc != "ShutdownServer" or role < Role.OPERATE:
            yield rpc
