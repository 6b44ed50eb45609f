"""Options and limits that all clients have in common."""

from __future__ import annotations

import math

from codeserver.client.addresses import is_local

DEFAULT_TIMEOUT = 60.0


def options(target: str) -> list[tuple[str, int]]:
    """The options of a channel to this address."""
    unlimited = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
    ]
    # gRPC asks the proxy of the environment even for this machine, unless no_proxy names it.
    return [*unlimited, *([("grpc.enable_http_proxy", 0)] if is_local(target) else [])]


def limit(timeout: float | None, default: float | None) -> float | None:
    """The limit of a call in seconds, in gRPC's form: None for no limit."""
    seconds = default if timeout is None else timeout
    return None if seconds is None or math.isinf(seconds) else seconds
