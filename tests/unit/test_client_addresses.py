"""Addresses as people write them."""

from __future__ import annotations

import pytest

from codeserver.client.addresses import grpc_target, is_local
from codeserver.errors import OperatorError


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("localhost:4000", "localhost:4000"),
        (" code.example.com:443 ", "code.example.com:443"),
        (":4000", "localhost:4000"),
        ("localhost", "localhost:4000"),
        ("10.0.0.1", "10.0.0.1:4000"),
        ("[::1]:4001", "[::1]:4001"),
        ("[::1]", "[::1]:4000"),
        ("::1", "[::1]:4000"),
        ("fe80::1:2", "[fe80::1:2]:4000"),
        ("unix:/run/code.sock", "unix:/run/code.sock"),
        ("unix:///run/code.sock", "unix:/run/code.sock"),
        ("unix:code.sock", "unix:code.sock"),
        ("dns:///code:4000", "dns:///code:4000"),
    ],
)
def test_targets(written: str, target: str) -> None:
    assert grpc_target(written) == target


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("", "give host:port or unix:PATH"),
        (":", "give host:port or unix:PATH"),
        ("localhost:", "give host:port"),
        ("localhost:http", "give host:port"),
        ("localhost:0", "give host:port"),
        ("localhost:65536", "give host:port"),
        ("local host:4000", "give host:port"),
        ("[::1:4000", "give host:port"),
        ("unix:", "give host:port or unix:PATH"),
        ("unix:///", "unix:"),
        ("/run/code.sock", "write unix:/run/code.sock"),
        ("http://localhost:4000", "leave the scheme out: localhost:4000"),
        ("grpc://localhost:4000/", "leave the scheme out: localhost:4000"),
    ],
)
def test_what_is_no_address(written: str, hint: str) -> None:
    with pytest.raises(OperatorError) as caught:
        grpc_target(written)

    assert f'"{written}" is not an address' in str(caught.value)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("localhost:1", True),
        ("127.0.0.1:1", True),
        ("[::1]:1", True),
        ("unix:/x", True),
        ("code:1", False),
        ("10.0.0.1:1", False),
    ],
)
def test_no_proxy_is_asked_for_what_is_here(target: str, expected: bool) -> None:
    assert is_local(target) is expected
