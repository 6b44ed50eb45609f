"""A server that was attacked serves others on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from bench.attackers.attacks import ATTACKS
from bench.attackers.http2 import Connection, call, greeting, header, headers_of
from bench.client import Client, said
from bench.subjects import with_ticks
from bench.workloads.attacks import EVENTS, Attack, attack
from tests.process.serving import Server, serve
from tests.support.eventually import PATIENCE, eventually

SECONDS = 0.3
"""The time of one attack."""


@pytest.fixture(scope="module")
def attacked(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that all attacks have."""
    code, socket = with_ticks(tmp_path_factory.mktemp("attacks") / "code"), home / "attacks.sock"
    with serve(home, socket, "-f", str(code), cwd=code.parent) as server:
        server.client.list_repositories()
        yield server


def connections_of(server: Server) -> int:
    """The number of its connections with clients."""
    found = psutil.Process(server.front.pid).net_connections("unix")
    listening = 1
    return sum(each.laddr == str(server.server.socket) for each in found) - listening


def test_every_attack_is_one_of_the_page() -> None:
    assert [each.name for each in EVENTS.values()] == list(ATTACKS)


@pytest.mark.parametrize("how", EVENTS.values(), ids=EVENTS)
def test_others_are_served_after(attacked: Server, how: Attack) -> None:
    client = Client(attacked.server.socket, attacked.home)

    assert attack(client, how, SECONDS) > 0

    assert said(client.server_id)
    assert said(lambda: client.tick("quick")) == "version 1"
    eventually(lambda: connections_of(attacked) == 0, what="no connection of the attacker")


def test_others_are_served_after_a_path_that_is_no_text(attacked: Server) -> None:
    """With it, gRPC's own loop from 1.84 on would end, and with the loop the server."""
    until = time.monotonic() + PATIENCE
    odd = call(1, headers_of("\xff"), b"")
    with closing(Connection(str(attacked.server.socket), until, greeting() + odd)) as attacker:
        attacker.listen()
        assert said(Client(attacked.server.socket, attacked.home).server_id)


def test_a_header_that_cannot_be_read_is_not_logged(home: Path, tmp_path: Path) -> None:
    """Each call of a stranger would be a line."""
    code, socket = with_ticks(tmp_path / "code"), tmp_path / "s"
    until = time.monotonic() + PATIENCE
    odd = call(1, headers_of("Ping") + header("grpc-timeout", "soon"), b"")
    with (
        serve(home, socket, "-f", str(code), cwd=code.parent) as server,
        closing(Connection(str(socket), until, greeting() + odd)) as attacker,
    ):
        attacker.listen()
        assert said(Client(socket, home).server_id)
    assert "grpc-timeout" not in server.server.text
