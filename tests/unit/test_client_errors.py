"""What calls that fail raise, by what the server says and by what there is instead of a server."""

from __future__ import annotations

import operator
import pickle
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ResourceInfo

import codeserver
from codeserver.api import v1
from codeserver.client import connect, errors
from codeserver.errors import CodeserverError
from tests.unit.client_peers import TypedApi, each_client, listener, packed, serving, typed_api
from tests.unit.waiting import DEADLINE

Code = grpc.StatusCode
MISTAKE = v1.RunConfigError(path=["ops", "a"], message="no", allowed=["b"])
BAD = BadRequest(
    field_violations=[
        {"field": "run_config.ops.a", "description": "no"},
        {"field": "run_config.ops.a", "description": "never"},
        {"field": "partition_key", "description": "unknown"},
    ]
)
ERROR = v1.LoadError(type="KeyError", message="'x'", text="KeyError: 'x'\n  in repo.py")
RESOURCE = ResourceInfo(resource_type="job", resource_name="nope")


@pytest.fixture
def api() -> Iterator[TypedApi]:
    with typed_api() as found:
        yield found


STATUSES: list[tuple[Code, list[Message], type[errors.ApiError], dict[str, Any]]] = [
    (
        Code.NOT_FOUND,
        [RESOURCE],
        errors.NotFoundError,
        {"resource_type": "job", "resource_name": "nope"},
    ),
    (Code.NOT_FOUND, [], errors.NotFoundError, {"resource_type": "", "resource_name": ""}),
    (
        Code.INVALID_ARGUMENT,
        [BAD, MISTAKE, MISTAKE],
        errors.InvalidArgumentError,
        {
            "run_config_errors": [MISTAKE, MISTAKE],
            "fields": {"run_config.ops.a": "no; never", "partition_key": "unknown"},
        },
    ),
    (
        Code.INVALID_ARGUMENT,
        [],
        errors.InvalidArgumentError,
        {"run_config_errors": [], "fields": {}},
    ),
    (Code.FAILED_PRECONDITION, [ERROR], errors.LoadFailedError, {"load_error": ERROR}),
    (
        Code.FAILED_PRECONDITION,
        [],
        errors.LoadFailedError,
        {"load_error": v1.LoadError(message="why", text="why")},
    ),
    (Code.INTERNAL, [ERROR], errors.UserCodeCrashedError, {"load_error": ERROR}),
    (Code.DEADLINE_EXCEEDED, [], errors.DeadlineExceededError, {}),
    (Code.RESOURCE_EXHAUSTED, [], errors.OverloadedError, {}),
    (Code.UNAVAILABLE, [], errors.UnavailableError, {}),
    (Code.PERMISSION_DENIED, [], errors.PermissionDeniedError, {}),
    (
        Code.UNKNOWN,
        [Duration(seconds=1)],
        errors.ApiError,
        {"details": (packed(Duration(seconds=1)),)},
    ),
]
each_status = pytest.mark.parametrize(
    ("code", "details", "kind", "facts"),
    STATUSES,
    ids=[f"{number}-{status[0].name}" for number, status in enumerate(STATUSES)],
)


def check(
    error: errors.ApiError, code: Code, kind: type[errors.ApiError], facts: dict[str, Any]
) -> None:
    assert type(error) is kind
    assert isinstance(error, CodeserverError)
    assert (str(error), error.message, error.code) == ("why", "why", code.name)
    assert {name: getattr(error, name) for name in facts} == facts


@each_client
@each_status
@pytest.mark.parametrize("method", ["location", "asset_graph"])
async def test_status(
    api: TypedApi, *, code: Code, details: Any, kind: Any, facts: Any, method: str, answer: Any
) -> None:
    """Of a call, and of a stream that fails after it has begun."""
    api.replies["GetAssetGraph"] = [v1.GetAssetGraphResponse()]
    api.fail(code, "why", *details)

    with pytest.raises(errors.ApiError) as caught:
        await answer(api.address, operator.methodcaller(method))

    check(caught.value, code, kind, facts)
    check(pickle.loads(pickle.dumps(caught.value)), code, kind, facts)


@pytest.mark.parametrize("details", [b"\xff\xff\xff", b""])
def test_details_that_cannot_be_read(api: TypedApi, details: bytes) -> None:
    api.fail(Code.NOT_FOUND, "why", details)

    with connect(api.address) as client, pytest.raises(errors.NotFoundError, match="why") as caught:
        client.location()

    assert caught.value.details == ()


def test_a_timeout_is_a_timeout_error(api: TypedApi) -> None:
    with connect(api.address) as client, pytest.raises(TimeoutError) as caught:
        next(each for each in client.watch(timeout=0.1) if False)

    assert str(caught.value) == (
        f"WatchLocation had no answer from {api.address} within 0.1 s; give a longer timeout, or "
        "look there."
    )
    api.ended.set()


NO_SERVER: list[tuple[str, AbstractContextManager[Any], str, str]] = [
    (
        "refused",
        nullcontext(),
        "127.0.0.1:1",
        "Nothing listens at 127.0.0.1:1 (Connection refused)",
    ),
    (
        "no socket",
        nullcontext(),
        "unix:/nowhere/x.sock",
        "Nothing listens at unix:/nowhere/x.sock (No such file or directory)",
    ),
    ("no host", nullcontext(), "nowhere.invalid:4000", "The host of nowhere.invalid:4000 is not"),
    ("http 1", listener(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "", "does not speak gRPC"),
    ("closes", listener(), "", "has closed the connection"),
    ("tls", listener(b"\x15\x03\x01\x00\x02\x02\x46"), "", "has closed the connection"),
]


@pytest.mark.parametrize(
    ("peer", "address", "says"), [case[1:] for case in NO_SERVER], ids=[c[0] for c in NO_SERVER]
)
def test_no_server(peer: AbstractContextManager[Any], address: str, says: str) -> None:
    with peer as heard:
        target = address or heard.address
        with (
            connect(target, timeout=DEADLINE) as client,
            pytest.raises(errors.UnreachableError) as caught,
        ):
            client.location()

    assert says in str(caught.value)
    assert target in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, errors.UnavailableError)


@pytest.mark.parametrize("method", ["location", "asset_graph"])
def test_another_grpc_server(method: str) -> None:
    with (
        serving() as address,
        connect(address) as client,
        pytest.raises(errors.UnsupportedError) as caught,
    ):
        getattr(client, method)()

    rpc = {"location": "GetLocation", "asset_graph": "GetAssetGraph"}[method]
    assert str(caught.value).startswith(f"{address} does not know {rpc}: its codeserver is older")


def test_an_http_2_server_that_is_not_grpc() -> None:
    """As proxies answer for what they cannot reach."""
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    status = b"\x08\x03404"  # :status
    headers = len(status).to_bytes(3, "big") + b"\x01\x05\x00\x00\x00\x01" + status
    with (
        listener(settings, headers, closes=False, until=b"GetLocation") as heard,
        connect(heard.address) as client,
        pytest.raises(errors.UnreachableError) as caught,
    ):
        client.location(timeout=DEADLINE)

    assert "answers with HTTP 404 and not with gRPC" in str(caught.value)


def test_every_error_is_exported() -> None:
    found = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ApiError) and name[0] != "_"
    }
    assert found <= set(codeserver.__all__)
