"""The host that a block of headers names (RFC 7541 and RFC 3986)."""

from __future__ import annotations

import functools
import re

import hpack

_SHORT_BLOCK = 2048
"""Bytes; the authority of a longer block is not remembered."""

_HOST = re.compile(r"(?:\[([0-9a-z:.%]+)\]|([a-z0-9._-]+))(?::[0-9]*)?")


class Malformed(Exception):
    """The headers cannot be decoded."""


def authority_in(block: bytes) -> bytes:
    """The authority in a first block of headers, which depends on no earlier one.

    It is empty if there is none.

    Raises:
        Malformed: the headers cannot be decoded.
    """
    return _remembered(block) if len(block) <= _SHORT_BLOCK else _decoded(block)


def host_of(authority: bytes) -> str:
    """The host in lower case without port, brackets and the dot at its end.

    It is empty if the authority is none of a host, such as one with a user or an encoded path.
    """
    match = _HOST.fullmatch(authority.decode("latin-1").lower())
    return (match[1] or match[2]).rstrip(".") if match else ""


def _decoded(block: bytes) -> bytes:
    try:
        fields = [(field[0], field[1]) for field in hpack.Decoder().decode(block, raw=True)]
    except (hpack.HPACKError, ValueError):  # ValueError: a number of more digits than Python prints
        raise Malformed from None
    for wanted in (b":authority", b"host"):
        for name, value in fields:
            if name == wanted:
                return bytes(value)
    return b""


_remembered = functools.lru_cache(maxsize=256)(_decoded)
"""Clients that make a channel for each call send the same few blocks again and again."""
