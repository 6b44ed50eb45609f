"""Pages of a list, and the tokens for the next page.

A token holds the last key of its page, not an index, so it stays valid when the list changes. It is
valid only for the same kind of list with the same filters.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from codeserver.front.typed_api.refusals import invalid

T = TypeVar("T")

_DEFAULT_SIZE, _LARGEST_SIZE = 200, 1_000
_KEY_PARTS = 2
_BEGIN = "begin with an empty one"
_MOST_BYTES = 2_000_000
"""Bytes in one page; clients accept messages of 4 MiB."""


def page(
    request: Any,
    found: Sequence[T],
    key: Callable[[T], Sequence[str]],
    matches: Callable[[T], bool],
) -> tuple[list[T], str]:
    """One page of sorted messages, and the token for the next page; empty after the last one.

    Raises:
        InvalidRequest: the size or the token is not valid.
    """
    size = size_of(request, _DEFAULT_SIZE, _LARGEST_SIZE)
    after = read_token(request, _is_a_key)
    start = 0 if after is None else bisect_right([list(key(each)) for each in found], after)
    listed: list[T] = []
    room = _MOST_BYTES
    for each in found[start:]:
        if not matches(each):
            continue
        room -= each.ByteSize()  # type: ignore[attr-defined]
        if len(listed) == size or (listed and room < 0):
            return listed, token(request, list(key(listed[-1])))
        listed.append(each)
    return listed, ""


def size_of(request: Any, default: int, largest: int) -> int:
    """The page size that the request asks for, or the default.

    Raises:
        InvalidRequest: the size is out of range.
    """
    if 0 <= request.page_size <= largest:
        return request.page_size or default
    raise invalid("page_size", f"it must be from 1 to {largest}, or 0 for {default}")


def token(request: Any, position: Any) -> str:
    """The token for the page that begins after this position."""
    text = json.dumps([_fingerprint(request), position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_token(request: Any, is_position: Callable[[Any], bool]) -> Any:
    """The position in the request's token; None for the first page.

    Args:
        request: has the `page_token` and the filters.
        is_position: tells whether a value is a position in this kind of list.

    Raises:
        InvalidRequest: the token is malformed, or belongs to another list.
    """
    if not request.page_token:
        return None
    try:
        fingerprint, position = json.loads(
            base64.b64decode(request.page_token.encode(), b"-_", validate=True)
        )
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise invalid("page_token", "it is no token of this server", _BEGIN) from None
    if fingerprint != _fingerprint(request):
        what = "it is of another list, or of one with other filters"
        raise invalid("page_token", what, _BEGIN)
    if not is_position(position):
        raise invalid("page_token", "it is no token of this server", _BEGIN)
    return position


def _is_a_key(position: Any) -> bool:
    return (
        isinstance(position, list)
        and len(position) == _KEY_PARTS
        and all(isinstance(part, str) for part in position)
    )


def _fingerprint(request: Any) -> str:
    filters = type(request)()
    filters.CopyFrom(request)
    filters.page_token, filters.page_size = "", 0
    text = filters.DESCRIPTOR.full_name.encode() + filters.SerializeToString(deterministic=True)
    return hashlib.blake2b(text, digest_size=6).hexdigest()
