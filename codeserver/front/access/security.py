"""How the server is secured: its certificate and tokens, and the rule that they give a listener."""

from __future__ import annotations

import logging

import grpc

from codeserver.client.addresses import is_loopback
from codeserver.errors import OperatorError
from codeserver.exposure import Exposure
from codeserver.exposure.listener import Listener
from codeserver.front.access import tls
from codeserver.front.access.roles import Role
from codeserver.front.access.rule import Rule
from codeserver.front.access.tokens import Caller, Tokens
from codeserver.front.passing.tunnel import Refused, Wish

_log = logging.getLogger("codeserver")


class Security:
    """The certificate and the tokens of a server, for all its listeners.

    Attributes:
        exposure: the settings.

    Raises:
        OperatorError: a file cannot be used, or settings do not fit together.
    """

    def __init__(self, exposure: Exposure) -> None:
        self.exposure = exposure
        files = _files_of(exposure)
        self._certificate = None if files is None else tls.Certificate(files)
        tokens = exposure.auth_token_file
        self._tokens = Tokens(tokens) if tokens else None

    def rule_of(self, listener: Listener) -> Rule:
        """Who may call at a listener, and what.

        Raises:
            OperatorError: there are no tokens for it.
        """
        wants_tokens = listener.tokens
        if wants_tokens is None:
            wants_tokens = self._tokens is not None and not listener.path
        if wants_tokens and self._tokens is None:
            raise OperatorError(f"--listen {listener} asks for tokens; give --auth-token-file.")
        names = self.exposure.tls_allow if self._has_tls(listener) else ()
        role = Role.READ if self.exposure.read_only else Role.of(listener.role)
        return Rule(role, self._tokens if wants_tokens else None, names)

    def credentials_of(self, listener: Listener) -> grpc.ServerCredentials | None:
        """The credentials of a listener with TLS; None for one without.

        Raises:
            OperatorError: there is no certificate for it.
        """
        if listener.tls and self._certificate is None:
            raise OperatorError(f"--listen {listener} has TLS; give --tls-cert and --tls-key.")
        return self.credentials if self._has_tls(listener) else None

    @property
    def credentials(self) -> grpc.ServerCredentials | None:
        """The credentials with the certificate; None without one."""
        return None if self._certificate is None else self._certificate.credentials()

    def tell(self, listener: Listener) -> None:
        """Log who may do what at an address, unless only this machine reaches it."""
        if listener.path or is_loopback(listener.host):
            return
        rule, has_tls = self.rule_of(listener), self._has_tls(listener)
        means = [
            *(["TLS"] if has_tls else []),
            *(["certificates of clients"] if has_tls and self.exposure.tls_client_ca else []),
            *(["tokens"] if rule.tokens is not None else []),
        ]
        if means[has_tls:] or rule.role is Role.READ:
            _log.info("%s: %s", listener, ", ".join([*means, f"at most the role {rule.role.word}"]))
            return
        deeds = [
            *(["start runs", "shut the server down"] if rule.role is Role.OPERATE else []),
            *([] if self.exposure.pin_instance else ["have any class on sys.path imported"]),
        ]
        _log.warning(
            "%s: whoever reaches this address can have code run here%s. Let only Dagster reach it, "
            "or give --auth-token-file, --tls-client-ca, --pin-instance or a role; see "
            "docs/security.md.",
            listener,
            f": {', '.join(deeds)}" if deeds else "",
        )

    def admitted(self, wish: Wish) -> Caller:
        """Who asks at a gateway.

        Raises:
            Refused: nobody has this token under this name.
        """
        found = None if self._tokens is None else self._tokens.caller(wish.token, wish.name)
        if found is None:
            raise Refused("407 Proxy Authentication Required", "no such name and token")
        return found

    def _has_tls(self, listener: Listener) -> bool:
        return not listener.path and listener.tls is not False and self._certificate is not None


def _files_of(exposure: Exposure) -> tls.Files | None:
    if exposure.tls_cert is None and exposure.tls_key is None:
        for name in ("tls_client_ca", "tls_allow"):
            if getattr(exposure, name):
                raise OperatorError(f"--{name.replace('_', '-')} needs --tls-cert and --tls-key.")
        return None
    if exposure.tls_cert is None or exposure.tls_key is None:
        raise OperatorError("--tls-cert and --tls-key belong together; give both.")
    if exposure.tls_allow and exposure.tls_client_ca is None:
        raise OperatorError("--tls-allow needs --tls-client-ca, by which clients show a name.")
    return tls.Files(exposure.tls_cert, exposure.tls_key, exposure.tls_client_ca)
