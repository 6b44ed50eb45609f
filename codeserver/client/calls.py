"""Arguments, options and limits of calls, which both clients have in common."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from codeserver.api import v1
from codeserver.client.addresses import is_local

if TYPE_CHECKING:
    from google.protobuf.message import Message

    Types = Iterable[v1.SensorType | str]
    """Types of sensors, as values of the enum or as their names."""

Texts = str | Iterable[str]
"""Several texts, or a single one."""

DEFAULT_TIMEOUT = 60.0

MOST_ENTRIES, MOST_KEYS = 1_000, 10_000
"""The largest page sizes, for fewer calls; messages have no limit of size."""


def options(target: str) -> list[tuple[str, int]]:
    """The options of a channel to this address."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    # gRPC asks the proxy of the environment even for this machine, unless no_proxy names it.
    return [*unlimited, *([("grpc.enable_http_proxy", 0)] if is_local(target) else [])]


def limit(timeout: float | None, default: float | None) -> float | None:
    """The limit of a call in seconds, in gRPC's form: None for no limit."""
    seconds = default if timeout is None else timeout
    return None if seconds is None or math.isinf(seconds) else seconds


def rpc_of(request: Message) -> str:
    """The name of the RPC that takes this request."""
    return request.DESCRIPTOR.name.removesuffix("Request")


def path_of(request: Message) -> str:
    """The path of that RPC in gRPC, such as `/package.Service/Name`."""
    return f"/codeserver.api.v1.CodeLocationService/{rpc_of(request)}"


def method(of_channel: Any, request: Any, response: Any, location: str) -> Any:
    """The RPC that takes this request, which is about the location from now on.

    Args:
        of_channel: `unary_unary` or `unary_stream` of a channel.
        request: one of a list of locations is about none.
        response: the class of the response.
        location: its name; empty for the only one.
    """
    if location and "location" in request.DESCRIPTOR.fields_by_name:
        request.location = location
    return of_channel(path_of(request), type(request).SerializeToString, response.FromString)


def texts(given: Texts) -> list[str]:
    """The texts as a list. A single text is a list of one, not of its letters."""
    return [given] if isinstance(given, str) else list(given)


def config_text(run_config: str | Mapping[str, Any] | None) -> str:
    """The run config as text; a `TypeError` if JSON cannot express it."""
    if run_config is None or isinstance(run_config, str):
        return run_config or ""
    try:
        return json.dumps(run_config)
    except (TypeError, ValueError) as error:
        raise TypeError(f"run_config cannot be sent as JSON: {error}") from None


def keys_request(job: str, asset: str, **fields: Any) -> v1.ListPartitionsRequest:
    """The request for a page of the partition keys of a job or an asset, one of them."""
    if bool(job) == bool(asset):
        raise TypeError("give the name of a job or the key of an asset, one of them")
    return v1.ListPartitionsRequest(job=job or None, asset=asset or None, **fields)
