"""A place to listen, as an operator writes it, such as `0.0.0.0:4000,tls,role=read`. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from codeserver.exposure.role import ROLES
from codeserver.values import Kind, Refused

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.%\w]+\]|[^:\[\],]*):(\d{1,5})")
_HIGHEST_PORT = 65535
_HIGHEST_MODE = 0o777


@dataclass(frozen=True)
class Listener:
    """An address with its rule.

    Attributes:
        host: of a TCP port.
        port: 0 picks a free one.
        path: of a unix socket, instead of a port.
        tls: whether clients must speak TLS; None if they must where there is a certificate.
        tokens: whether each call must have a token; None for ports if there is a file of tokens.
        role: the most that anybody may do there.
        is_gateway: whether it takes HTTP CONNECT, and gRPC only within.
        mode: permissions of the unix socket; None for those that the umask gives.
        owner: user, group or both (`USER:GROUP`) that get the unix socket, by name or number.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool | None = None
    tokens: bool | None = None
    role: str = ROLES[-1]
    is_gateway: bool = False
    mode: int | None = None
    owner: str = ""

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"


def parse(text: str) -> Listener:
    """A listener from an address and words after it, separated by commas.

    Raises:
        Refused: it is none.
    """
    address, *words = (word.strip() for word in text.split(","))
    found = _at(address)
    for word in words:
        name, _, value = word.partition("=")
        change = _WORDS.get(name)
        if change is None or bool(value) is not (name in _WITH_VALUE):
            raise Refused(f"has the word {word[:80]!r}; the words are {', '.join(_WRITTEN)}.")
        found = dataclasses.replace(found, **change(value))
    return _checked(found)


def _at(address: str) -> Listener:
    if address.startswith("unix:"):
        if path := address.removeprefix("unix:").removeprefix("//"):
            return Listener(path=path)
    elif (match := _ADDRESS.fullmatch(address)) and int(match[2]) <= _HIGHEST_PORT:
        return Listener(host=match[1] or "0.0.0.0", port=int(match[2]))
    raise Refused(f"must begin with HOST:PORT or unix:PATH; it is {address[:80]!r}.")


def _role(value: str) -> Mapping[str, Any]:
    if value not in ROLES:
        raise Refused(f"has no role {value[:80]!r}; the roles are {', '.join(ROLES)}.")
    return {"role": value}


def _mode(value: str) -> Mapping[str, Any]:
    try:
        mode = int(value, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= _HIGHEST_MODE:
        raise Refused(f"must have a mode such as 660; it has {value[:80]!r}.")
    return {"mode": mode}


def _owner(value: str) -> Mapping[str, Any]:
    if not value.strip(":") or value.count(":") > 1:
        raise Refused(f"must have an owner such as USER:GROUP; it has {value[:80]!r}.")
    return {"owner": value}


_WORDS: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    "tls": lambda _: {"tls": True},
    "plain": lambda _: {"tls": False},
    "tokens": lambda _: {"tokens": True},
    "open": lambda _: {"tokens": False},
    "gateway": lambda _: {"is_gateway": True, "tokens": True},
    "role": _role,
    "mode": _mode,
    "owner": _owner,
}
_WITH_VALUE = ("role", "mode", "owner")
_WRITTEN = [f"{word}=..." if word in _WITH_VALUE else word for word in _WORDS]


def _checked(found: Listener) -> Listener:
    if found.path and (found.tls or found.is_gateway):
        raise Refused("is a unix socket, which has neither TLS nor a gateway.")
    if (found.mode is not None or found.owner) and not found.path:
        raise Refused("has a mode or an owner, and only a unix socket can have one.")
    if found.is_gateway and found.tokens is False:
        raise Refused("is a gateway, which always asks for a token.")
    return found


Written = Annotated[Listener, Kind(str, "ADDRESS[,WORD...]", parse, separator=None)]
