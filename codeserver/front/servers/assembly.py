"""Assembles the gRPC server of a location, or that of a server with several locations."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from types import ModuleType

import grpc
from google import protobuf

from codeserver.api import error_details
from codeserver.api.v1 import code_location_pb2
from codeserver.dagster_wire import dagster_api_pb2
from codeserver.exposure import Exposure
from codeserver.front.access.rule import Rule
from codeserver.front.handlers import handlers_for
from codeserver.front.reply_room import ReplyRoom
from codeserver.front.servers.sturdy import aio_server
from codeserver.health_wire import health_pb2

_log = logging.getLogger("codeserver")

_MOST_PENDING = 50_000
_LONGEST_PENDING_SECONDS = 24 * 60 * 60


_GREETING_SECONDS = 20
_KEEPALIVE_ANSWER_SECONDS = 20
_LAST_CALL_SECONDS = 600
"""For calls under way on a connection that has reached its age."""

_REFUSED_HEADER_SHARE = 1.5
"""gRPC refuses some requests from the limit of headers on, more the longer they are, and all from
this multiple of it (gRFC A79)."""


@dataclass(frozen=True)
class Services:
    """The services of a location, or of a server with several.

    Attributes:
        replies: bounds the bytes of replies under way, whichever way they take.
    """

    dagster_api: object
    typed_api: object
    health: object
    replies: ReplyRoom


def grpc_server(exposure: Exposure, services: Services, rule: Rule) -> grpc.aio.Server:
    """A gRPC server with these services, not yet bound to an address."""
    server = aio_server(options=grpc_options(exposure), maximum_concurrent_rpcs=exposure.max_calls)
    service = dagster_api_pb2.DESCRIPTOR.services_by_name["DagsterApi"]
    typed = code_location_pb2.DESCRIPTOR.services_by_name["CodeLocationService"]
    checks = health_pb2.DESCRIPTOR.services_by_name["Health"]
    replies = services.replies
    # gRPC asks the handlers one after the other, so the busiest service comes first.
    server.add_generic_rpc_handlers(
        (
            handlers_for(service, dagster_api_pb2, services.dagster_api, replies, rule),
            handlers_for(typed, code_location_pb2, services.typed_api, replies, rule),
            handlers_for(checks, health_pb2, services.health, replies, rule),
        )
    )
    if (reflection := _reflection()) is not None:
        server.add_generic_rpc_handlers((reflection.handlers(rule),))
    return server


@functools.cache  # so that there is one warning, even for many servers
def _reflection() -> ModuleType | None:
    """Reflection, if its packages can be imported. Logs optional features that are missing.

    Code generated from protos refuses a protobuf or grpcio older than the one it was generated for.
    An installer that downgrades these, such as for an older Dagster, leaves such packages behind.
    Dagster's server starts in that environment, so this one must start, too.
    """
    if error_details.unusable:
        _warn_of_missing("details of errors", "googleapis-common-protos", error_details.unusable)
    try:
        from codeserver.front import reflection
    except Exception as error:
        _warn_of_missing("gRPC reflection", "grpcio-reflection", error)
        return None
    return reflection


def _warn_of_missing(feature: str, package: str, error: Exception) -> None:
    """Log a missing feature, with the command that installs a package release that fits."""
    _log.warning(
        "serving without %s: %s. To have it: pip install %s grpcio==%s protobuf==%s",
        feature,
        " ".join(str(error).split()).partition(". ")[0].rstrip("."),
        package,
        grpc.__version__,
        protobuf.__version__,
    )


def grpc_options(exposure: Exposure) -> list[tuple[str, int]]:
    """The options of a gRPC server."""
    seconds = {
        # A client that has connected, and says nothing, or does not confirm the settings.
        "grpc.server_handshake_timeout_ms": _GREETING_SECONDS,
        "grpc.http2.settings_timeout": _GREETING_SECONDS,
        "grpc.max_connection_age_ms": exposure.max_connection_age,
        "grpc.max_connection_age_grace_ms": _LAST_CALL_SECONDS,
        "grpc.max_connection_idle_ms": exposure.max_connection_idle,
        # A client that does not read does not answer, either.
        "grpc.keepalive_time_ms": exposure.keepalive,
        "grpc.keepalive_timeout_ms": _KEEPALIVE_ANSWER_SECONDS,
        "grpc.http2.ping_timeout_ms": _KEEPALIVE_ANSWER_SECONDS,
    }
    return [
        ("grpc.max_receive_message_length", exposure.max_request_size),
        ("grpc.max_send_message_length", exposure.max_reply_size),
        ("grpc.max_metadata_size", exposure.max_header_size),
        ("grpc.absolute_max_metadata_size", int(exposure.max_header_size * _REFUSED_HEADER_SHARE)),
        ("grpc.max_allowed_incoming_connections", exposure.max_connections),
        # Clients keep further calls until one of these has ended. gRPC also drops the calls of a
        # client that begins and resets more of them (CVE-2023-44487), and does not without a limit.
        ("grpc.max_concurrent_streams", exposure.max_connection_calls),
        ("grpc.keepalive_permit_without_calls", 1),
        # To close the connection of a client that sends many pings costs more than to answer them:
        # it connects again.
        ("grpc.http2.max_ping_strikes", 0),
        *((name, int(value * 1000)) for name, value in seconds.items() if value),
        # Above this number of pending calls gRPC cancels calls at random, and after this time it
        # cancels every pending call, both without a reason. The limits are so high that the
        # handlers refuse the excess calls instead, with an error that names the reason.
        ("grpc.server.max_pending_requests", _MOST_PENDING),
        ("grpc.server.max_pending_requests_hard_limit", _MOST_PENDING),
        ("grpc.server_max_unrequested_time_in_server", _LONGEST_PENDING_SECONDS),
        # Otherwise a second server could bind the same port, and each would get some of the calls.
        ("grpc.so_reuseport", 0),
    ]
