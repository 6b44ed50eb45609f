"""The rule of a listener: who may call there, and what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from codeserver.errors import NotAuthenticated, NotPermitted
from codeserver.front.access.roles import NEEDED, Role
from codeserver.front.access.tokens import Caller, Tokens

_BEARER = "bearer "

Check = Callable[[Any], None]
"""Raises if the caller of this context may not make the call."""


@dataclass(frozen=True)
class Rule:
    """Who may call at a listener.

    Attributes:
        role: the most that anybody may do there.
        tokens: one of them has to come with each call; None if none has to.
        names: the only names of client certificates; empty for all that the CA has signed.
    """

    role: Role = Role.OPERATE
    tokens: Tokens | None = None
    names: Collection[str] = ()

    def within(self) -> list[Rule]:
        """The rules of connections that a gateway with this rule passes on: one for each role.

        The gateway has asked for the token.
        """
        return [dataclasses.replace(self, role=role, tokens=None) for role in Role]

    def of(self, caller: Caller) -> Rule:
        """The one of them for a caller."""
        return dataclasses.replace(self, role=min(caller.role, self.role), tokens=None)

    @property
    def checks(self) -> bool:
        """Whether callers must show who they are."""
        return self.tokens is not None or bool(self.names)

    def check_of(self, rpc: str) -> Check | None:
        """What checks each call of this RPC; None if everybody may make it."""
        needed = NEEDED.get(rpc)
        is_open = needed is None or needed <= self.role
        if needed is None or (is_open and not self.checks):
            return None

        def check(context: Any) -> None:
            caller = self._caller(context)
            if caller.role < needed:
                raise NotPermitted(
                    f"{rpc} needs the role {needed.word}; {caller.name} has the role "
                    f"{caller.role.word}."
                )

        return check

    def _caller(self, context: Any) -> Caller:
        if self.names and not _names_in(context.auth_context()) & set(self.names):
            raise NotAuthenticated(
                "The client certificate has none of the names that --tls-allow lists."
            )
        if self.tokens is None:
            return Caller("this address", self.role)
        metadata = dict(context.invocation_metadata() or ())
        given = str(metadata.get("authorization", ""))
        if not given.lower().startswith(_BEARER):
            raise NotAuthenticated("Send the metadata `authorization: Bearer TOKEN`.")
        found = self.tokens.caller(given[len(_BEARER) :].strip())
        if found is None:
            raise NotAuthenticated("The token is not known here.")
        return Caller(f"token {found.name}", min(found.role, self.role))


EVERYTHING = Rule()
"""Everybody who reaches the listener may do everything, as with Dagster's server."""


def _names_in(auth: Any) -> set[str]:
    names = auth.get("x509_subject_alternative_name", ()) or auth.get("x509_common_name", ())
    return {each.decode(errors="replace") for each in names}
