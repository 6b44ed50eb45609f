"""HTTP CONNECT at a gateway: the requests of clients, and the answers that they get."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from codeserver.front.passing import gateway
from codeserver.front.passing.tunnel import Refused, Wish
from tests.unit.waiting import soon

CRLF = b"\r\n"


def connect(authority: str = "Code.Example:4000", credentials: str | None = "ci:secret") -> bytes:
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if credentials is not None:
        encoded = base64.b64encode(credentials.encode()).decode()
        lines.append(f"Proxy-authorization: Basic {encoded}")
    return "\r\n".join([*lines, "", ""]).encode()


class Gateway:
    """A gateway, and the server behind it, which says where it was reached and echoes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wishes: list[Wish] = []

    def find(self, wish: Wish) -> Callable[[bool], str]:
        self.wishes.append(wish)
        if wish.token != "secret":
            raise Refused("407 Proxy Authentication Required", "no such name and token")
        if wish.host == "nowhere":
            raise Refused("404 Not Found", "no such host")
        return lambda is_tls: "" if is_tls else str(self.folder / "s")

    async def answer(self, *parts: bytes) -> bytes:
        """All that a client gets for these bytes, sent one after the other, until the end."""
        reader, writer = await asyncio.open_connection(*self.place)
        received = b""
        for part in parts:
            writer.write(part)
            if part is not parts[-1] and part.endswith(CRLF + CRLF):
                received += await soon(reader.readuntil(CRLF + CRLF))
        writer.write_eof()
        received += await soon(reader.read())
        writer.close()
        return received

    place: tuple[str, int]


@contextlib.asynccontextmanager
async def gated(folder: Path, *, is_tls: bool = False) -> AsyncIterator[Gateway]:
    made = Gateway(folder)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"reached: " + await reader.read())
        writer.close()

    port = gateway(made.find, is_tls=is_tls)
    (address,) = await port.start("127.0.0.1", 0)
    host, _, number = address.rpartition(":")
    made.place = (host, int(number))
    async with await asyncio.start_unix_server(echo, str(folder / "s")):
        yield made
        await port.stop(0)


async def test_a_client_gets_through(short_tmp: Path) -> None:
    async with gated(short_tmp) as made:
        answer = await made.answer(connect(), b"PRI * HTTP/2.0")
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\nreached: PRI * HTTP/2.0"
    assert made.wishes == [Wish("code.example", "ci", "secret")]


async def test_a_request_may_come_in_pieces(short_tmp: Path) -> None:
    async with gated(short_tmp) as made:
        request = connect("[::1]:1")
        reader, writer = await asyncio.open_connection(*made.place)
        for byte in request:
            writer.write(bytes([byte]))
            await writer.drain()
        assert b" 200 " in await soon(reader.readuntil(CRLF + CRLF))
        writer.close()
    assert made.wishes == [Wish("::1", "ci", "secret")]


ANSWERS: dict[str, tuple[bytes, bytes]] = {
    "no credentials": (connect(credentials=None), b"407 Proxy Authentication Required"),
    "another token": (connect(credentials="ci:other"), b"407 Proxy Authentication Required"),
    "no colon": (connect(credentials="secret"), b"407 Proxy Authentication Required"),
    "not Basic": (
        b"CONNECT h:1 HTTP/1.1\r\nProxy-Authorization: Bearer secret\r\n\r\n",
        b"407 Proxy Authentication Required",
    ),
    "not base64": (
        b"CONNECT h:1 HTTP/1.1\r\nProxy-Authorization: Basic ???\r\n\r\n",
        b"407 Proxy Authentication Required",
    ),
    "no such host": (connect("nowhere:4000"), b"404 Not Found"),
    "another method": (b"GET / HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
    "gRPC": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"405 Method Not Allowed"),
    "no port": (b"CONNECT code HTTP/1.1\r\n\r\n", b"400 Bad Request"),
    "a path": (b"CONNECT /code:1 HTTP/1.1\r\n\r\n", b"400 Bad Request"),
    "bytes before the answer": (connect() + b"PRI", b"400 Bad Request"),
    "an endless request": (
        b"CONNECT h:1 HTTP/1.1\r\nx: " + b"x" * 9000,
        b"431 Request Header Fields Too Large",
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_who_does_not_get_through(short_tmp: Path, kind: str) -> None:
    request, status = ANSWERS[kind]
    async with gated(short_tmp) as made:
        answer = await made.answer(request)
    head, _, text = answer.partition(CRLF + CRLF)
    lines = head.split(CRLF)
    assert lines[0] == b"HTTP/1.1 " + status
    assert f"Content-Length: {len(text)}".encode() in lines
    assert (b'Proxy-Authenticate: Basic realm="codeserver"' in lines) is status.startswith(b"407")
    assert b"reached" not in answer


@pytest.mark.parametrize(
    ("is_tls", "first", "said"),
    [
        (True, b"PRI", "a connection without TLS was refused at the gateway"),
        (False, b"\x16\x03\x01", "a connection with TLS was refused at the gateway"),
    ],
)
async def test_what_a_tunnel_must_be(
    short_tmp: Path,
    caplog: pytest.LogCaptureFixture,
    is_tls: bool,
    first: bytes,
    said: str,
) -> None:
    async with gated(short_tmp, is_tls=is_tls) as made:
        answer = await made.answer(connect(), first)
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert said in caplog.text
