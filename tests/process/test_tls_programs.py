"""Programs that speak TLS for a server or for Dagster's client, which cannot send a certificate."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trustme

from tests.process.access import Issuer, addresses_of
from tests.process.serving import USER_CODE, Server, serve
from tests.support.dagster_programs import Program
from tests.support.eventually import eventually

CLIENT = """
import sys
from dagster._grpc.client import DagsterGrpcClient

address, ssl = sys.argv[1:]
where = {"port": int(address)} if address.isdigit() else {"socket": address}
print(DagsterGrpcClient(**where, use_ssl=ssl == "ssl").get_server_id())
"""

# Without `alpn h2`, gRPC refuses the connection.
HAPROXY = """
defaults
    mode tcp
    timeout connect 1m
    timeout client 1h
    timeout server 1h
listen beside_the_server
    bind fd@{tls} ssl crt {folder}/server.both alpn h2
    server code unix@{folder}/s
listen beside_dagster
    bind unix@{folder}/plain
    server code {address} ssl crt {folder}/dagster.both alpn h2 ca-file {folder}/ca.pem \
        verify required verifyhost localhost
"""

STUNNEL = "foreground = yes\npid =\nsyslog = no\ndebug = info\n"
STUNNEL_BESIDE_THE_SERVER = """
[beside_the_server]
accept = 127.0.0.1:0
connect = {folder}/s
cert = {folder}/server.pem
key = {folder}/server.key
CAfile = {folder}/ca.pem
verifyChain = yes
requireCert = yes
"""
STUNNEL_BESIDE_DAGSTER = """
[beside_dagster]
client = yes
accept = 127.0.0.1:0
connect = 127.0.0.1:{port}
cert = {folder}/dagster.pem
key = {folder}/dagster.key
CAfile = {folder}/ca.pem
verifyChain = yes
checkHost = localhost
"""


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Listens on a socket, and with TLS for a client with a certificate of this name."""
    issuer = Issuer(trustme.CA(), tmp_path_factory.mktemp("tls"))
    issuer.issue("dagster", "dagster.example")
    options = [
        *("-f", str(USER_CODE / "repo.py")),
        *issuer.issue("server", "localhost"),
        *("--tls-client-ca", issuer.write_ca(), "--tls-allow", "dagster.example"),
        *("--listen", "127.0.0.1:0"),
    ]
    with serve(home, issuer.folder / "s", *options, cwd=issuer.folder) as started:
        yield started


@pytest.fixture(scope="module")
def haproxy(server: Server) -> Iterator[dict[str, str]]:
    """The addresses of its two sides."""
    folder = server.folder
    for name in ("server", "dagster"):
        both = [(folder / f"{name}.{kind}").read_bytes() for kind in ("pem", "key")]
        (folder / f"{name}.both").write_bytes(b"".join(both))
    file, plain = folder / "haproxy.cfg", folder / "plain"
    with socket.create_server(("127.0.0.1", 0)) as tls:
        address = addresses_of(server)[1]
        file.write_text(HAPROXY.format(folder=folder, address=address, tls=tls.fileno()))
        program = started("haproxy", "-db", "-f", str(file), pass_fds=[tls.fileno()])
        try:
            eventually(lambda: plain.is_socket() or program.process.poll() is not None)
            assert plain.is_socket(), program.text
            yield {"server": str(tls.getsockname()[1]), "dagster": str(plain)}
        finally:
            program.stop()


@pytest.mark.parametrize(("beside", "ssl"), [("server", "ssl"), ("dagster", "")])
def test_haproxy_on_one_side(
    server: Server, haproxy: dict[str, str], beside: str, ssl: str
) -> None:
    assert asked(server, haproxy[beside], ssl) == server.id


def test_stunnel_on_both_sides(server: Server) -> None:
    """On one side only, gRPC on the other refuses it: stunnel does not negotiate HTTP/2."""
    folder = server.folder
    port = ""
    programs = []
    try:
        for name, text in (
            ("server", STUNNEL_BESIDE_THE_SERVER),
            ("client", STUNNEL_BESIDE_DAGSTER),
        ):
            path = folder / f"{name}.conf"
            path.write_text(STUNNEL + text.format(folder=folder, port=port))
            programs.append(started("stunnel", str(path)))
            programs[-1].wait_for_output("bound to")
            found = re.search(r"bound to 127\.0\.0\.1:(\d+)", programs[-1].text)
            assert found
            port = found[1]
        assert asked(server, port) == server.id
    finally:
        for program in programs:
            program.stop()


def started(name: str, *arguments: str, pass_fds: Sequence[int] = ()) -> Program:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not there")
    return Program(name, [found, *arguments], pass_fds=pass_fds)


def asked(server: Server, address: str, ssl: str = "") -> str:
    """The id of the server, as Dagster's client gets it at this address."""
    env = {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(server.folder / "ca.pem")}
    command = [sys.executable, "-c", CLIENT, address, ssl]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()
