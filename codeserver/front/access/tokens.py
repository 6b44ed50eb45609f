"""The file of tokens: who may call, with which secret, and in which role."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from codeserver.errors import OperatorError
from codeserver.exposure.role import ROLES
from codeserver.front.access.roles import Role
from codeserver.front.access.secret_files import read_secret
from codeserver.letters import shown
from codeserver.marks import Mark, mark

_log = logging.getLogger("codeserver")

_LONGEST_FILE = 1 << 20
_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Caller:
    """A caller whose identity is known.

    Attributes:
        name: of the token or the certificate.
        role: the most that it may do.
    """

    name: str
    role: Role


class Tokens:
    """The tokens of a file, which is read again when it changes.

    Each line has a name, a token and, if the caller may not do everything, a role:

        webserver 6f1b...e0  evaluate
        ci        0a77...4c  # may do everything

    Raises:
        OperatorError: the file cannot be used.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._mark: Mark | None = mark(self._path)
        self._callers = _read(self._path)

    def caller(self, token: str, name: str | None = None) -> Caller | None:
        """Who has this token; None if nobody has, or if the name is that of another one."""
        self._take_up_changes()
        digest = _digest(token)
        found = None
        for each, caller in self._callers.items():  # all of them, so that time tells nothing
            if hmac.compare_digest(each, digest):
                found = caller
        return found if found is not None and name in (None, found.name) else None

    def _take_up_changes(self) -> None:
        now = mark(self._path)
        if now == self._mark:
            return
        self._mark = now
        try:
            self._callers = _read(self._path)
        except OperatorError as error:
            _log.error("%s The tokens stay as they are.", error)
        else:
            _log.info("%s: %d tokens", self._path, len(self._callers))


def _read(path: str) -> Mapping[bytes, Caller]:
    try:
        text = read_secret(path, _LONGEST_FILE).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise OperatorError(f"Token file {path} cannot be read: {reason}.") from None
    callers: dict[bytes, Caller] = {}
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            digest, caller = _caller(words, f"{path}, line {number}:")
            if digest in callers or caller.name in names:
                raise OperatorError(f"{path}, line {number}: a name or a token is there twice.")
            callers[digest] = caller
            names.add(caller.name)
    if not callers:
        raise OperatorError(f"Token file {path} has no token; write lines `NAME TOKEN [ROLE]`.")
    return callers


def _caller(words: list[str], where: str) -> tuple[bytes, Caller]:
    if len(words) not in (2, 3):
        raise OperatorError(f"{where} write `NAME TOKEN [ROLE]`; there are {len(words)} words.")
    name, token, *rest = words
    role = rest[0] if rest else Role.OPERATE.word
    if role not in ROLES:
        raise OperatorError(f"{where} {shown(role)} is no role; take one of {', '.join(ROLES)}.")
    if len(token) < _SHORTEST_TOKEN:
        raise OperatorError(
            f"{where} the token of {shown(name)} has fewer than {_SHORTEST_TOKEN} characters; make "
            "one with `openssl rand -hex 32`."
        )
    return _digest(token), Caller(name, Role.of(role))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
