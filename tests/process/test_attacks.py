"""A server that was attacked serves others on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.attackers.attacks import ATTACKS
from bench.client import Client, said
from bench.subjects import with_ticks
from bench.workloads.attacks import EVENTS, Attack, attack
from tests.process.conftest import serve

SECONDS = 0.3
"""The time of one attack."""


@pytest.fixture(scope="module")
def attacked(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The client of a server that all attacks have."""
    code, socket = with_ticks(tmp_path_factory.mktemp("attacks") / "code"), home / "attacks.sock"
    with serve(home, socket, "-f", str(code), cwd=code.parent) as server:
        server.client.list_repositories()
        yield Client(socket, home)


def test_every_attack_is_one_of_the_page() -> None:
    assert [each.name for each in EVENTS.values()] == list(ATTACKS)


@pytest.mark.parametrize("how", EVENTS.values(), ids=EVENTS)
def test_others_are_served_after(attacked: Client, how: Attack) -> None:
    assert attack(attacked, how, SECONDS) > 0

    assert said(attacked.server_id)
    assert said(lambda: attacked.tick("quick")) == "version 1"
