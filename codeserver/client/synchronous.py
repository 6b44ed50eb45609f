# Written by `make client` from asynchronous.py. Do not edit.
"""A client whose calls block."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from codeserver import default_address
from codeserver.api import v1
from codeserver.client import calls
from codeserver.client.addresses import grpc_target
from codeserver.client.asset_graph import AssetGraph
from codeserver.client.calls import MOST_ENTRIES, MOST_KEYS, texts
from codeserver.client.identity import NOBODY, Identity
from codeserver.client.translation import translated

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

    from codeserver.client.calls import Texts, Types

_Response = TypeVar("_Response", bound="Message")


def connect(
    address: str = default_address.ADDRESS,
    *,
    location: str = "",
    timeout: float | None = calls.DEFAULT_TIMEOUT,
    identity: Identity = NOBODY,
) -> Client:
    """A client of the code location at this address.

    It connects at its first call.

    Args:
        address: `host:port`, `:port`, `[ipv6]:port`, `unix:path`, or `tls://host:port` for TLS.
        location: name of the location, for a server with several. A server that is older than this
            argument ignores it, because it has only one location.
        timeout: limit in seconds of each call without a timeout of its own; None for no limit.
        identity: a token, and files for TLS.

    Raises:
        OperatorError: the address is malformed, or a file of the identity cannot be read.
    """
    return Client(address, location=location, timeout=timeout, identity=identity)


class Client:
    """Calls to one code location. Safe to use from several threads.

    Every method takes a `timeout` in seconds. Its default is the timeout of the client; `math.inf`
    is no limit. In lists with filters, an empty filter lets everything pass, a single text stands
    for a list of one, and a result must pass all filters.

    It is for one location of the server: the named one, or else the only one. `locations` has all.

    Each method raises an error of `codeserver.client.errors` when its call fails: `NotFoundError`,
    `InvalidArgumentError`, `LoadFailedError`, `UnreachableError` and so on.
    """

    def __init__(
        self,
        address: str,
        *,
        location: str = "",
        timeout: float | None = calls.DEFAULT_TIMEOUT,
        identity: Identity = NOBODY,
    ) -> None:
        import grpc

        self._address, self._timeout = grpc_target(address), timeout
        self._location, self._metadata = location, identity.metadata
        options = calls.options(self._address)
        self._channel: grpc.Channel = identity.channel(grpc, address, self._address, options)

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

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, and end the calls that are under way."""
        self._channel.close()

    def locations(self, *, timeout: float | None = None) -> Sequence[v1.Location]:
        """All locations of the server, in its order. Their load errors may be shortened.

        Raises:
            UnsupportedError: the server is too old for several locations.
        """
        response = self._call(v1.ListLocationsRequest(), v1.ListLocationsResponse, timeout)
        return response.locations

    def location(self, *, timeout: float | None = None) -> v1.Location:
        """The state of the location, its loaded code, load error, and work under way."""
        response = self._call(v1.GetLocationRequest(), v1.GetLocationResponse, timeout)
        return response.location

    def watch(
        self, *, timeout: float | None = None
    ) -> Generator[v1.WatchLocationResponse, None, None]:
        """The location now, and again at every change.

        The generator ends when the location is removed, the server stops, or you close it. Here, no
        `timeout` means no limit.
        """
        limit = calls.limit(timeout, None)
        return self._stream(v1.WatchLocationRequest(), v1.WatchLocationResponse, limit)

    def reload(self, *, timeout: float | None = None) -> v1.ReloadLocationResponse:
        """Load the code again, and wait until it is served.

        Raises:
            LoadFailedError: the new code does not load; the message names the code that is served.
        """
        return self._call(v1.ReloadLocationRequest(), v1.ReloadLocationResponse, timeout)

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
        request = v1.ListJobsRequest(
            repository=repository,
            names=texts(names),
            tags=texts(tags),
            owners=texts(owners),
            include_implicit=include_implicit,
        )
        return self._entries(request, v1.ListJobsResponse, "jobs", timeout)

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
        request = v1.ListAssetsRequest(
            repository=repository,
            keys=texts(keys),
            tags=texts(tags),
            groups=texts(groups),
            owners=texts(owners),
            kinds=texts(kinds),
        )
        return self._entries(request, v1.ListAssetsResponse, "assets", timeout)

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
        request = v1.ListSchedulesRequest(
            repository=repository,
            names=texts(names),
            tags=texts(tags),
            owners=texts(owners),
            jobs=texts(jobs),
        )
        return self._entries(request, v1.ListSchedulesResponse, "schedules", timeout)

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
        request = v1.ListSensorsRequest(
            repository=repository,
            names=texts(names),
            tags=texts(tags),
            owners=texts(owners),
            jobs=texts(jobs),
            types=types,
        )
        return self._entries(request, v1.ListSensorsResponse, "sensors", timeout)

    def resources(
        self,
        names: Texts = (),
        *,
        types: Texts = (),
        repository: str = "",
        timeout: float | None = None,
    ) -> Iterator[v1.Resource]:
        """Resources, in the order of their names; `types` are patterns of their classes."""
        request = v1.ListResourcesRequest(
            repository=repository, names=texts(names), types=texts(types)
        )
        return self._entries(request, v1.ListResourcesResponse, "resources", timeout)

    def job(
        self,
        name: str,
        *,
        repository: str = "",
        op_selection: Texts = (),
        timeout: float | None = None,
    ) -> v1.GetJobResponse:
        """One job with its dependency structure, or with that of the selected ops."""
        request = v1.GetJobRequest(
            name=name, repository=repository, op_selection=texts(op_selection)
        )
        return self._call(request, v1.GetJobResponse, timeout)

    def asset_graph(
        self, selection: str = "", *, repository: str = "", timeout: float | None = None
    ) -> AssetGraph:
        """The assets and their dependencies; the selection is in Dagster's syntax."""
        request = v1.GetAssetGraphRequest(selection=selection, repository=repository)
        limit = calls.limit(timeout, self._timeout)
        parts = self._stream(request, v1.GetAssetGraphResponse, limit)
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
        request = v1.GetExecutionPlanRequest(
            job=job,
            repository=repository,
            run_config=calls.config_text(run_config),
            partition_key=partition_key,
            op_selection=texts(op_selection),
            asset_selection=texts(asset_selection),
        )
        response = self._call(request, v1.GetExecutionPlanResponse, timeout)
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
        request = v1.GetRunConfigSchemaRequest(
            job=job, repository=repository, op_selection=texts(op_selection)
        )
        return self._call(request, v1.GetRunConfigSchemaResponse, timeout)

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
        request = calls.keys_request(
            job, asset, repository=repository, reverse=reverse, page_size=MOST_KEYS
        )
        return self._entries(request, v1.ListPartitionsResponse, "keys", timeout)

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
        request = calls.keys_request(
            job,
            asset,
            repository=repository,
            reverse=reverse,
            page_size=page_size,
            page_token=page_token,
        )
        return self._call(request, v1.ListPartitionsResponse, timeout)

    def _call(
        self, request: Message, response: type[_Response], timeout: float | None
    ) -> _Response:
        import grpc

        limit = calls.limit(timeout, self._timeout)
        method = calls.method(self._channel.unary_unary, request, response, self._location)
        try:
            return cast("_Response", method(request, timeout=limit, metadata=self._metadata))
        except grpc.RpcError as error:
            raise translated(error, calls.rpc_of(request), self._address, limit) from None

    def _stream(
        self, request: Message, response: type[_Response], limit: float | None
    ) -> Generator[_Response, None, None]:
        """The responses to one request; closing the generator ends the call."""
        import grpc

        method = calls.method(self._channel.unary_stream, request, response, self._location)
        call = method(request, timeout=limit, metadata=self._metadata)
        try:
            for each in call:
                yield each
        except grpc.RpcError as error:
            raise translated(error, calls.rpc_of(request), self._address, limit) from None
        finally:
            call.cancel()

    def _entries(
        self, request: Any, response: type[Message], field: str, timeout: float | None
    ) -> Generator[Any, None, None]:
        """The entries of all pages of a list, each page under the timeout."""
        request.page_size = request.page_size or MOST_ENTRIES
        while True:
            page: Any = self._call(request, response, timeout)
            for each in getattr(page, field):
                yield each
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
