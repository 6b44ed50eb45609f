"""The head of an HTTP CONNECT."""

from __future__ import annotations

import base64

from codeserver.front.passing.tunnel import Refused, Wish, wish_in

SEEDS = [
    b"CONNECT code.example:4000 HTTP/1.1\r\nHost: code.example:4000\r\n"
    b"Proxy-Authorization: Basic " + base64.b64encode(b"ci:0123456789abcdef"),
    b"CONNECT [::1]:443 HTTP/1.0\r\nUser-Agent: grpc-c/1",
    b"CONNECT a:1 HTTP/1.1\r\nproxy-authorization:bAsIc " + base64.b64encode("ü:ß:€".encode()),
    b"CONNECT a:1 HTTP/1.1\r\nProxy-Authorization: Bearer x",
]


def check(data: bytes) -> None:
    """It is a wish that is read as it is written, or it is refused."""
    try:
        wish = wish_in(data)
    except Refused as refusal:
        assert refusal.status[:3] in ("400", "407")
        return
    assert wish.host == wish.host.lower()
    assert not set(wish.host) & set("[]/@ \r\n\0")
    if wish.name or wish.token:
        assert wish_in(_written(wish)) == wish


def _written(wish: Wish) -> bytes:
    host = f"[{wish.host}]" if ":" in wish.host else wish.host
    given = base64.b64encode(f"{wish.name}:{wish.token}".encode()).decode()
    return f"CONNECT {host}:1 HTTP/1.1\r\nProxy-Authorization: Basic {given}".encode()
