"""Who calls, and whether the connection is encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codeserver.contents import read_once
from codeserver.default_address import TLS
from codeserver.errors import OperatorError

if TYPE_CHECKING:
    import grpc

_LONGEST_FILE = 10 << 20


@dataclass(frozen=True)
class Identity:
    """What a client shows to a server, and what it wants to see.

    Attributes:
        token: is sent with each call; None for no token.
        ca: file with the CA of the server, in PEM; None for those that gRPC trusts.
        certificate, key: files of a certificate of the client, in PEM; None for none.
    """

    token: str | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata of each call."""
        return () if self.token is None else (("authorization", f"Bearer {self.token}"),)

    def channel(self, grpc_module: Any, address: str, target: str, options: Any) -> Any:
        """A channel to an address.

        Args:
            grpc_module: `grpc` or `grpc.aio`.
            address: as people write it.
            target: the same in gRPC's form.
            options: of the channel.

        Raises:
            OperatorError: a file cannot be read, or the address is not one of TLS.
        """
        files = (self.ca, self.key, self.certificate)
        if address.strip().startswith(TLS):
            return grpc_module.secure_channel(target, _credentials(*files), options)
        if any(files):
            raise OperatorError(f'"{address}" is without TLS; write {TLS}{target}.')
        return grpc_module.insecure_channel(target, options)


NOBODY = Identity()
"""Shows nothing."""


def _credentials(
    ca: str | None, key: str | None, certificate: str | None
) -> grpc.ChannelCredentials:
    import grpc

    return grpc.ssl_channel_credentials(_content(ca), _content(key), _content(certificate))


def _content(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return read_once(path, _LONGEST_FILE)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from None
