"""Failed gRPC calls as errors of this package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message

from codeserver.api import error_details, v1
from codeserver.client.errors import BY_STATUS, ApiError, UnreachableError

if TYPE_CHECKING:
    import grpc

_DETAILS = "grpc-status-details-bin"
_KNOWN = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        error_details.BadRequest,
        error_details.ResourceInfo,
        v1.RunConfigError,
        v1.LoadError,
    )
    if kind
}

# gRPC's own messages for calls without an answer from a gRPC server, and their meaning. Only the
# message tells a status that gRPC has made here from one that a server has sent.
_UNREACHABLE = (
    (
        r"http1\.x server|Failed parsing HTTP/2",
        "What listens at {address} does not speak gRPC (without TLS); check the port.",
    ),
    (
        r"handshake failed.*WRONG_VERSION_NUMBER",
        "What listens at {address} does not speak TLS; leave out tls:// if it is the right port.",
    ),
    (
        r"handshake failed.*CERTIFICATE_VERIFY_FAILED",
        "{address} has a certificate that is not trusted here; give the CA of the server "
        "(--tls-ca, or ca of an Identity).",
    ),
    (
        r"Hostname Verification Check failed",
        "{address} has a certificate for another host name; use the name in the certificate.",
    ),
    (
        r"(?:failed to connect|connection attempt).*"
        r"(?P<why>Connection refused|No such file or directory)",
        "Nothing listens at {address} ({why}); start `codeserver grpc` there, or give another "
        "address.",
    ),
    (
        r"Socket closed|Connection reset|recvmsg|Broken pipe|GOAWAY|Stream removed",
        "{address} has closed the connection; the server has stopped, or it does not speak gRPC in "
        "this way. If the server has TLS, write tls:// before the address; if it wants "
        "certificates of clients, give one (--tls-client-cert).",
    ),
    (
        r"errors? resolving|resolution|DNS",
        "The host of {address} is not known; check the address.",
    ),
    (
        r"failed to connect to all addresses.*: (?P<why>.*)",
        "{address} cannot be reached ({why}); check the address.",
    ),
)
_HTTP_STATUS = re.compile(r"^Received http2 header with status: (\d+)")
_LOCAL_DEADLINE = "Deadline Exceeded"


def translated(error: grpc.RpcError, rpc: str, address: str, timeout: float | None) -> ApiError:
    """The error to raise for a failed call, with the limit in seconds that the call had."""
    call = cast("grpc.Call", error)
    code, message = call.code().name, call.details() or ""
    if (unreachable := _why_unreachable(code, message, address)) is not None:
        return UnreachableError(code, unreachable)
    kind = BY_STATUS.get(code, ApiError)
    details = tuple(_details(call.trailing_metadata() or ()))
    return kind(code, _message(code, message, rpc, address, timeout), details)


def _message(code: str, message: str, rpc: str, address: str, timeout: float | None) -> str:
    if code == "UNIMPLEMENTED":
        return (
            f"{address} does not know {rpc}: its codeserver is older than this client, or it is "
            "not codeserver; update it, or check the address."
        )
    if code == "UNAUTHENTICATED":
        return f"{message} A token is given by --token-file, CODESERVER_TOKEN or an Identity."
    if code == "DEADLINE_EXCEEDED" and message in ("", _LOCAL_DEADLINE):
        limit = f" within {timeout:g} s" if timeout is not None else " in time"
        return f"{rpc} had no answer from {address}{limit}; give a longer timeout, or look there."
    return message or f"{rpc} at {address} failed with {code}."


def _why_unreachable(code: str, message: str, address: str) -> str | None:
    if found := _HTTP_STATUS.match(message):
        return f"{address} answers with HTTP {found[1]} and not with gRPC; check the address."
    if code != "UNAVAILABLE":
        return None
    for pattern, text in _UNREACHABLE:
        if found := re.search(pattern, message):
            return text.format(address=address, **found.groupdict())
    return None


def _details(metadata: Any) -> Iterator[Message]:
    for key, value in metadata:
        if key == _DETAILS and not error_details.unusable:
            with suppress(DecodeError):  # The status and its message suffice.
                yield from map(_unpacked, error_details.Status.FromString(value).details)


def _unpacked(packed: AnyMessage) -> Message:
    kind = _KNOWN.get(packed.TypeName())
    with suppress(DecodeError):
        return packed if kind is None else kind.FromString(packed.value)
    return packed
