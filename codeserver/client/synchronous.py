# Written by `make client` from asynchronous.py. Do not edit.
"""A client whose calls block."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from codeserver import default_address
from codeserver.api import v1
from codeserver.client import channels, requests, rpcs
from codeserver.client.addresses import grpc_target
from codeserver.client.asset_graph import AssetGraph
from codeserver.client.rpcs import PageRequest, PageResponse, Request, Response, Stream, Unary
from codeserver.client.translation import translated

if TYPE_CHECKING:
    import grpc

    from codeserver.client.requests import Texts, Types

_PageRequest = TypeVar("_PageRequest", bound=PageRequest)
_PageResponse = TypeVar("_PageResponse", bound=PageResponse)


def connect(
    address: str = default_address.ADDRESS, *, timeout: float | None = channels.DEFAULT_TIMEOUT
) -> Client:
    """A client of the code location at this address.

    It connects at its first call.

    Args:
        address: `host:port`, `:port`, `[ipv6]:port` or `unix:path`.
        timeout: limit in seconds of each call without a timeout of its own; None for no limit.

    Raises:
        OperatorError: the address is malformed.
    """
    return Client(address, timeout=timeout)


class Client:
    """Calls to one code location. Safe to use from several threads.

    Every method takes a `timeout` in seconds. Its default is the timeout of the client; `math.inf`
    is no limit. In lists with filters, an empty filter lets everything pass, a single text stands
    for a list of one, and a result must pass all filters.

    Each method raises an error of `codeserver.client.errors` when its call fails: `NotFoundError`,
    `InvalidArgumentError`, `LoadFailedError`, `UnreachableError` and so on.
    """

    def __init__(self, address: str, *, timeout: float | None = channels.DEFAULT_TIMEOUT) -> None:
        import grpc

        self._address, self._timeout = grpc_target(address), timeout
        self._channel = grpc.insecure_channel(self._address, channels.options(self._address))

    @property
    def address(self) -> str:
        """The address of the server, in the form that gRPC takes."""
        return self._address

    @property
    def channel(self) -> grpc.Channel:
        """The gRPC channel, for other services of the server."""
        return self._channel

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, and end the calls that are under way."""
        self._channel.close()

    def location(self, *, timeout: float | None = None) -> v1.Location:
        """The state of the location, its loaded code, load error, and work under way."""
        response = self._call(rpcs.GET_LOCATION, v1.GetLocationRequest(), timeout)
        return response.location

    def watch(
        self, *, timeout: float | None = None
    ) -> Generator[v1.WatchLocationResponse, None, None]:
        """The location now, and again at every change.

        The generator ends when the server stops, or when you close it. Here, no `timeout` means no
        limit.
        """
        limit = channels.limit(timeout, None)
        return self._stream(rpcs.WATCH_LOCATION, v1.WatchLocationRequest(), limit)

    def reload(self, *, timeout: float | None = None) -> v1.ReloadLocationResponse:
        """Load the code again, and wait until it is served.

        Raises:
            LoadFailedError: the new code does not load; the message names the code that is served.
        """
        return self._call(rpcs.RELOAD_LOCATION, v1.ReloadLocationRequest(), timeout)

    def jobs(
        self,
        names: Texts = (),
        *,
        tags: Texts = (),
        owners: Texts = (),
        repository: str = "",
        include_implicit: bool = False,
        timeout: float | None = None,
    ) -> Iterator[v1.Job]:
        """Jobs, in the order of their names.

        Args:
            names: patterns such as `ingest_*`.
            tags: `key` or `key=value`; a job must have all of them.
            owners: a job must have one of them.
            repository: name of a repository; empty for all.
            include_implicit: whether to list the jobs that Dagster makes for assets, too.
            timeout: limit in seconds of each page.
        """
        request = requests.jobs(names, tags, owners, repository, include_implicit)
        for page in self._pages(rpcs.LIST_JOBS, request, timeout):
            for each in page.jobs:
                yield each

    def assets(
        self,
        keys: Texts = (),
        *,
        tags: Texts = (),
        groups: Texts = (),
        owners: Texts = (),
        kinds: Texts = (),
        repository: str = "",
        timeout: float | None = None,
    ) -> Iterator[v1.Asset]:
        """Assets, in the order of their keys.

        Args:
            keys: patterns such as `raw/*`.
            tags: `key` or `key=value`; an asset must have all of them.
            groups: an asset must be in one of them.
            owners: an asset must have one of them.
            kinds: an asset must have one of them.
            repository: name of a repository; empty for all.
            timeout: limit in seconds of each page.
        """
        request = requests.assets(
            keys=keys, tags=tags, groups=groups, owners=owners, kinds=kinds, repository=repository
        )
        for page in self._pages(rpcs.LIST_ASSETS, request, timeout):
            for each in page.assets:
                yield each

    def schedules(
        self,
        names: Texts = (),
        *,
        tags: Texts = (),
        owners: Texts = (),
        jobs: Texts = (),
        repository: str = "",
        timeout: float | None = None,
    ) -> Iterator[v1.Schedule]:
        """Schedules, in the order of their names; `jobs` are the jobs that they start."""
        request = requests.schedules(names, tags, owners, jobs, repository)
        for page in self._pages(rpcs.LIST_SCHEDULES, request, timeout):
            for each in page.schedules:
                yield each

    def sensors(
        self,
        names: Texts = (),
        *,
        tags: Texts = (),
        owners: Texts = (),
        jobs: Texts = (),
        types: Types = (),
        repository: str = "",
        timeout: float | None = None,
    ) -> Iterator[v1.Sensor]:
        """Sensors, in the order of their names; `jobs` are the jobs that they target."""
        request = requests.sensors(
            names=names, tags=tags, owners=owners, jobs=jobs, types=types, repository=repository
        )
        for page in self._pages(rpcs.LIST_SENSORS, request, timeout):
            for each in page.sensors:
                yield each

    def resources(
        self,
        names: Texts = (),
        *,
        types: Texts = (),
        repository: str = "",
        timeout: float | None = None,
    ) -> Iterator[v1.Resource]:
        """Resources, in the order of their names; `types` are patterns of their classes."""
        request = requests.resources(names, types, repository)
        for page in self._pages(rpcs.LIST_RESOURCES, request, timeout):
            for each in page.resources:
                yield each

    def job(
        self,
        name: str,
        *,
        repository: str = "",
        op_selection: Texts = (),
        timeout: float | None = None,
    ) -> v1.GetJobResponse:
        """One job with its dependency structure, or with that of the selected ops."""
        request = requests.job(name, repository, op_selection)
        return self._call(rpcs.GET_JOB, request, timeout)

    def asset_graph(
        self, selection: str = "", *, repository: str = "", timeout: float | None = None
    ) -> AssetGraph:
        """The assets and their dependencies; the selection is in Dagster's syntax."""
        request = v1.GetAssetGraphRequest(selection=selection, repository=repository)
        limit = channels.limit(timeout, self._timeout)
        parts = self._stream(rpcs.GET_ASSET_GRAPH, request, limit)
        return AssetGraph.joined([part for part in parts])

    def plan(
        self,
        job: str,
        *,
        run_config: str | Mapping[str, Any] | None = None,
        partition_key: str = "",
        op_selection: Texts = (),
        asset_selection: Texts = (),
        repository: str = "",
        timeout: float | None = None,
    ) -> v1.ExecutionPlan:
        """The steps that a run would execute. Nothing is executed.

        Args:
            job: name of the job.
            run_config: a mapping, or YAML or JSON text; None for the default of the job.
            partition_key: partition of the run; empty for none.
            op_selection: ops in Dagster's syntax, such as `load+`.
            asset_selection: keys of assets.
            repository: name of a repository; empty to search all.
            timeout: limit in seconds.

        Raises:
            InvalidArgumentError: an argument does not fit the job, such as run config, whose
                mistakes are in `run_config_errors`.
        """
        request = requests.plan(
            job,
            run_config=run_config,
            partition_key=partition_key,
            op_selection=op_selection,
            asset_selection=asset_selection,
            repository=repository,
        )
        response = self._call(rpcs.GET_EXECUTION_PLAN, request, timeout)
        return response.plan

    def run_config_schema(
        self,
        job: str,
        *,
        repository: str = "",
        op_selection: Texts = (),
        timeout: float | None = None,
    ) -> v1.GetRunConfigSchemaResponse:
        """The run config of a job: its JSON Schema, and a YAML template to fill in."""
        request = requests.run_config_schema(job, repository, op_selection)
        return self._call(rpcs.GET_RUN_CONFIG_SCHEMA, request, timeout)

    def partitions(
        self,
        *,
        job: str = "",
        asset: str = "",
        repository: str = "",
        reverse: bool = False,
        timeout: float | None = None,
    ) -> Iterator[str]:
        """The partition keys of a job or an asset, in Dagster's order. Give one of the two."""
        request = requests.partitions(job=job, asset=asset, repository=repository, reverse=reverse)
        for page in self._pages(rpcs.LIST_PARTITIONS, request, timeout):
            for each in page.keys:
                yield each

    def partitions_page(
        self,
        *,
        job: str = "",
        asset: str = "",
        repository: str = "",
        reverse: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> v1.ListPartitionsResponse:
        """One page of partition keys, their total number, and the partitions definition."""
        request = requests.partitions(
            job=job,
            asset=asset,
            repository=repository,
            reverse=reverse,
            page_size=page_size,
            page_token=page_token,
        )
        return self._call(rpcs.LIST_PARTITIONS, request, timeout)

    def _call(
        self, rpc: Unary[Request, Response], request: Request, timeout: float | None
    ) -> Response:
        import grpc

        limit = channels.limit(timeout, self._timeout)
        method = self._channel.unary_unary(rpc.path, rpc.encode, rpc.decode)
        try:
            return method(request, timeout=limit)
        except grpc.RpcError as error:
            raise translated(error, rpc.name, self._address, limit) from None

    def _stream(
        self, rpc: Stream[Request, Response], request: Request, limit: float | None
    ) -> Generator[Response, None, None]:
        """The responses to one request; closing the generator ends the call."""
        import grpc

        method = self._channel.unary_stream(rpc.path, rpc.encode, rpc.decode)
        call = method(request, timeout=limit)
        try:
            for response in call:
                yield response
        except grpc.RpcError as error:
            raise translated(error, rpc.name, self._address, limit) from None
        finally:
            call.cancel()

    def _pages(
        self, rpc: Unary[_PageRequest, _PageResponse], request: _PageRequest, timeout: float | None
    ) -> Generator[_PageResponse, None, None]:
        """All pages of a list, each under the timeout."""
        while True:
            page = self._call(rpc, request, timeout)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
