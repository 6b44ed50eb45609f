"""Every RPC of the typed API, with the types of its requests and responses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from google.protobuf.message import Message

from codeserver.api import v1

Request = TypeVar("Request")
Response = TypeVar("Response")
_AnyRequest = TypeVar("_AnyRequest", bound=Message)
_AnyResponse = TypeVar("_AnyResponse", bound=Message)

_SERVICE = "codeserver.api.v1.CodeLocationService"


class PageRequest(Protocol):
    """A request for one page of a list."""

    page_token: str


class PageResponse(Protocol):
    """One page of a list."""

    next_page_token: str


@dataclass(frozen=True)
class Rpc(Generic[Request, Response]):
    """One RPC.

    Attributes:
        name: name of the RPC.
        encode: turns a request into bytes.
        decode: turns bytes into a response.
    """

    name: str
    encode: Callable[[Request], bytes]
    decode: Callable[[bytes], Response]

    @property
    def path(self) -> str:
        """Its path in gRPC, such as `/package.Service/Name`."""
        return f"/{_SERVICE}/{self.name}"


class Unary(Rpc[Request, Response]):
    """An RPC with one response."""


class Stream(Rpc[Request, Response]):
    """An RPC with any number of responses."""


def _unary(
    request: type[_AnyRequest], response: type[_AnyResponse]
) -> Unary[_AnyRequest, _AnyResponse]:
    return Unary(_name(request), request.SerializeToString, response.FromString)


def _stream(
    request: type[_AnyRequest], response: type[_AnyResponse]
) -> Stream[_AnyRequest, _AnyResponse]:
    return Stream(_name(request), request.SerializeToString, response.FromString)


def _name(request: type[Message]) -> str:
    return request.DESCRIPTOR.name.removesuffix("Request")


GET_LOCATION = _unary(v1.GetLocationRequest, v1.GetLocationResponse)
WATCH_LOCATION = _stream(v1.WatchLocationRequest, v1.WatchLocationResponse)
RELOAD_LOCATION = _unary(v1.ReloadLocationRequest, v1.ReloadLocationResponse)
LIST_JOBS = _unary(v1.ListJobsRequest, v1.ListJobsResponse)
LIST_ASSETS = _unary(v1.ListAssetsRequest, v1.ListAssetsResponse)
LIST_SCHEDULES = _unary(v1.ListSchedulesRequest, v1.ListSchedulesResponse)
LIST_SENSORS = _unary(v1.ListSensorsRequest, v1.ListSensorsResponse)
LIST_RESOURCES = _unary(v1.ListResourcesRequest, v1.ListResourcesResponse)
GET_JOB = _unary(v1.GetJobRequest, v1.GetJobResponse)
GET_ASSET_GRAPH = _stream(v1.GetAssetGraphRequest, v1.GetAssetGraphResponse)
GET_EXECUTION_PLAN = _unary(v1.GetExecutionPlanRequest, v1.GetExecutionPlanResponse)
GET_RUN_CONFIG_SCHEMA = _unary(v1.GetRunConfigSchemaRequest, v1.GetRunConfigSchemaResponse)
LIST_PARTITIONS = _unary(v1.ListPartitionsRequest, v1.ListPartitionsResponse)
