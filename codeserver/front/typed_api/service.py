"""Service `CodeLocationService` for one location, with one method per RPC.

The contract of each RPC is in `proto/codeserver/api/v1/code_location.proto`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from operator import attrgetter
from typing import Any, TypeVar

from codeserver.api.v1 import code_location_pb2 as pb
from codeserver.api.v1 import definitions_pb2, location_pb2
from codeserver.config import Config
from codeserver.front.handlers import Context
from codeserver.front.once import Once
from codeserver.front.typed_api import catalog, filters, paging, values
from codeserver.front.typed_api.catalog import Catalog
from codeserver.front.typed_api.location_message import Access, LocationMessages
from codeserver.front.typed_api.refusals import invalid, missing
from codeserver.front.typed_api.watching import Watching, changes, definitions_of
from codeserver.letters import shown
from codeserver.messages import CATALOG
from codeserver.supervisor.evaluating.pool import Reply
from codeserver.supervisor.evaluating.request import LONGEST_TIMEOUT, Deadline, Request
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.loading.failure import NotLoaded
from codeserver.supervisor.location import Location
from codeserver.target import Target

T = TypeVar("T")

_DESCRIBING_SECONDS = 180.0
"""The limit for descriptions that all callers share, in place of one caller's deadline."""

_LONGEST_RUN_CONFIG = 1024 * 1024
_DEFAULT_KEYS, _MOST_KEYS = 1_000, 10_000


class CodeLocationApi:
    """Answers from the location.

    Attributes:
        successor: the api of the location that has replaced this one.
    """

    def __init__(self, config: Config, target: Target, location: Location) -> None:
        self._location = location
        self._default_timeout = config.default_timeout
        self._messages = LocationMessages(config, target, location)
        self._watching = Watching(location, self._messages)
        self._kept_of, self._kept = 0, Once()
        self.successor: CodeLocationApi | None = None
        self._listing = asyncio.Semaphore(1)

    def end_streams(self) -> None:
        """End the streams of `WatchLocation`: the server stops, or the location is removed."""
        self._watching.end()

    def reached_by(self, access: Access) -> None:
        """Tell clients from now on that they reach the location in this way."""
        self._messages.access = access

    def describe(self) -> location_pb2.Location:
        """The state of the location."""
        return self._messages.make()

    async def GetLocation(
        self, _request: pb.GetLocationRequest, _: Context
    ) -> pb.GetLocationResponse:
        """The state of the location."""
        return pb.GetLocationResponse(location=self.describe())

    def WatchLocation(
        self, _request: pb.WatchLocationRequest, _: Context
    ) -> AsyncIterator[pb.WatchLocationResponse]:
        """The state of the location, now and after each change."""
        return self._watching.responses()

    async def ReloadLocation(
        self, _request: pb.ReloadLocationRequest, _: Context
    ) -> pb.ReloadLocationResponse:
        """Load the code again; reply when the new code is served.

        Raises:
            NotLoaded: the load has failed.
        """
        before = await definitions_of(self._location.current.served.generation)
        failure = await self._location.reload()
        if failure is not None:
            raise NotLoaded(failure, kept=self._location.current.served.generation is not None)
        now = self.successor or self
        after = await definitions_of(now._location.current.served.generation)
        return pb.ReloadLocationResponse(location=now.describe(), changes=changes(before, after))

    async def ListJobs(self, request: pb.ListJobsRequest, _: Context) -> bytes:
        """The jobs that pass the filters."""
        return await self._list(request, "jobs", filters.of_jobs)

    async def ListAssets(self, request: pb.ListAssetsRequest, _: Context) -> bytes:
        """The assets that pass the filters."""
        return await self._list(request, "assets", filters.of_assets)

    async def ListSchedules(self, request: pb.ListSchedulesRequest, _: Context) -> bytes:
        """The schedules that pass the filters."""
        return await self._list(request, "schedules", filters.of_schedules)

    async def ListSensors(self, request: pb.ListSensorsRequest, _: Context) -> bytes:
        """The sensors that pass the filters."""
        return await self._list(request, "sensors", filters.of_sensors)

    async def ListResources(self, request: pb.ListResourcesRequest, _: Context) -> bytes:
        """The resources that pass the filters."""
        return await self._list(request, "resources", filters.of_resources)

    async def GetJob(self, request: pb.GetJobRequest, context: Context) -> bytes:
        """One job and its dependency structure."""
        _require("name", request.name)
        arguments = _fields(request, "name", "repository", "op_selection")
        return await self._described(
            "GetJob",
            f"structure of job {shown(request.name)}",
            arguments,
            pb.GetJobResponse,
            context,
        )

    async def GetAssetGraph(
        self, request: pb.GetAssetGraphRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """The selected assets and the dependencies between them."""
        generation = await self._location.generation()
        _check_repository(generation, request.repository)
        if request.selection.strip():
            parts = await self._selected(request, context)
        else:
            key = ("asset graph", request.repository)
            parts = await self._once(generation, key, lambda: self._whole_graph(request.repository))
        for part in parts:
            yield part

    async def GetExecutionPlan(
        self, request: pb.GetExecutionPlanRequest, context: Context
    ) -> bytes:
        """The steps that a run would execute."""
        _require("job", request.job)
        if len(request.run_config.encode()) > _LONGEST_RUN_CONFIG:
            raise invalid("run_config", "it is longer than 1 MiB")
        names = ("job", "repository", "run_config", "partition_key")
        arguments = _fields(request, *names, "op_selection", "asset_selection")
        subject = f"plan of job {shown(request.job)}"
        reply = await self._ask("GetExecutionPlan", subject, arguments, context, calls=request.job)
        return await asyncio.to_thread(_encode, pb.GetExecutionPlanResponse, reply)

    async def GetRunConfigSchema(
        self, request: pb.GetRunConfigSchemaRequest, context: Context
    ) -> bytes:
        """The schema of a job's run config."""
        _require("job", request.job)
        arguments = _fields(request, "job", "repository", "op_selection")
        subject = f"config schema of job {shown(request.job)}"
        return await self._described(
            "GetRunConfigSchema", subject, arguments, pb.GetRunConfigSchemaResponse, context
        )

    async def ListPartitions(self, request: pb.ListPartitionsRequest, context: Context) -> bytes:
        """The partition keys of a job or asset."""
        kind = request.WhichOneof("target")
        if kind is None or not getattr(request, kind):
            raise invalid("target", "give the name of a job, or the key of an asset")
        offset = paging.read_token(request, _is_offset) or 0
        size = paging.size_of(request, _DEFAULT_KEYS, _MOST_KEYS)
        arguments = {
            **_fields(request, kind, "repository", "reverse"),
            "offset": offset,
            "limit": size,
        }
        name = getattr(request, kind)
        subject = f"partitions of {kind} {shown(name)}"
        reply = await self._ask("ListPartitions", subject, arguments, context, calls=name)
        return await asyncio.to_thread(_encode_keys, request, reply, offset)

    async def _list(
        self, request: Any, kind: str, filter_of: Callable[[Any], filters.Matches]
    ) -> bytes:
        generation = await self._location.generation()
        _check_repository(generation, request.repository)
        found = await self._catalog(generation)
        # More threads would be no faster, and take turns from everything else.
        async with self._listing:
            return await asyncio.to_thread(_encode_page, request, found, kind, filter_of)

    async def _catalog(self, generation: Generation) -> Catalog:
        async def describe() -> Catalog:
            reply = await self._evaluate(
                CATALOG, "description of the location", {}, _DESCRIBING_SECONDS, runs=False
            )
            return await asyncio.to_thread(catalog.read, reply.body, reply.generation)

        return await self._once(generation, "catalog", describe)

    async def _once(
        self, generation: Generation, key: Hashable, make: Callable[[], Awaitable[T]]
    ) -> T:
        """The value from `make`, cached for the generation unless its snapshot is dynamic."""
        if generation.snapshot.is_dynamic:
            return await make()
        if generation.number != self._kept_of:
            self._kept_of, self._kept = generation.number, Once()
        # If a reload ends meanwhile, the value comes from newer code, never from older code.
        return await self._kept.get(key, make)

    async def _whole_graph(self, repository: str) -> list[bytes]:
        found = await self._catalog(await self._location.generation())
        assets = [each for each in found.assets if repository in ("", each.repository)]
        return await asyncio.to_thread(catalog.graph_messages, assets, found.generation)

    async def _selected(self, request: pb.GetAssetGraphRequest, context: Context) -> list[bytes]:
        arguments = _fields(request, "selection", "repository")
        reply = await self._ask("GetAssetGraph", "selection of assets", arguments, context)
        keys = {(repository, key) for repository, key in json.loads(reply.body)["keys"]}
        found = await self._catalog(await self._location.generation())
        assets = [each for each in found.assets if (each.repository, each.key) in keys]
        return await asyncio.to_thread(catalog.graph_messages, assets, found.generation)

    async def _described(
        self, rpc: str, subject: str, arguments: dict[str, Any], response: Any, context: Context
    ) -> bytes:
        """The serialized reply to a request, cached for the generation unless it selects ops."""
        if arguments["op_selection"]:
            reply = await self._ask(rpc, subject, arguments, context)
            return await asyncio.to_thread(_encode, response, reply)

        async def describe() -> bytes:
            reply = await self._evaluate(rpc, subject, arguments, _DESCRIBING_SECONDS, runs=False)
            return await asyncio.to_thread(_encode, response, reply)

        generation = await self._location.generation()
        key = (rpc, *(value for name, value in arguments.items() if name != "op_selection"))
        return await self._once(generation, key, describe)

    async def _ask(
        self,
        rpc: str,
        subject: str,
        arguments: dict[str, Any],
        context: Context,
        *,
        calls: str | None = None,
    ) -> Reply:
        """The evaluator's answer, under the caller's deadline.

        `calls` is the name of the job or asset whose functions the evaluator calls, if any.
        """
        generation = await self._location.generation()
        runs = calls is not None and _is_defined(generation, calls)
        left = context.time_remaining()
        seconds = self._default_timeout if left is None else min(left, LONGEST_TIMEOUT)
        return await self._evaluate(rpc, subject, arguments, seconds, runs=runs)

    async def _evaluate(
        self, rpc: str, subject: str, arguments: dict[str, Any], seconds: float, *, runs: bool
    ) -> Reply:
        argument = json.dumps(arguments).encode()
        return await self._location.evaluate(
            Request(rpc, argument, Deadline.after(seconds), subject, runs_user_code=runs)
        )


def _check_repository(generation: Generation, name: str) -> None:
    """Check that the location has a repository of this name, if one is given.

    Raises:
        NotFound: there is no such repository; the error suggests a similar name.
    """
    there = generation.snapshot.repositories
    if name and name not in there:
        raise missing("repository", name, tuple(there))


def _encode(response: Any, reply: Reply) -> bytes:
    fields = values.read(reply.body)
    if "json_schema" in fields:  # the only field of type Struct instead of Value
        fields["json_schema"] = fields["json_schema"].struct_value
    if "resource_configs" in fields:  # protobuf before 6 makes no messages of the values of a map
        configs = fields["resource_configs"]
        fields["resource_configs"] = {
            name: definitions_pb2.ConfigType(**each) for name, each in configs.items()
        }
    message = response(**fields, generation=reply.generation)
    return bytes(message.SerializeToString())


def _is_offset(position: Any) -> bool:
    return type(position) is int and position >= 0


def _encode_keys(request: pb.ListPartitionsRequest, reply: Reply, offset: int) -> bytes:
    found = values.read(reply.body)
    end = offset + len(found["keys"])
    more = found["keys"] and end < found["total_count"]
    response = pb.ListPartitionsResponse(
        **found,
        next_page_token=paging.token(request, end) if more else "",
        generation=reply.generation,
    )
    return response.SerializeToString()


def _encode_page(
    request: Any, found: Catalog, kind: str, filter_of: Callable[[Any], filters.Matches]
) -> bytes:
    key = attrgetter("repository", "key" if kind == "assets" else "name")
    listed, token = paging.page(request, getattr(found, kind), key, filter_of(request))
    make = getattr(pb, f"List{kind.capitalize()}Response")
    response = make(**{kind: listed}, next_page_token=token, generation=found.generation)
    return bytes(response.SerializeToString())


def _is_defined(generation: Generation, name: str) -> bool:
    """Whether the name may be that of a job or an asset, so that user code may run."""
    return any(
        repository.is_dynamic or name in repository.names["job"] or repository.counts["assets"]
        for repository in generation.snapshot.repositories.values()
    )


def _fields(request: Any, *names: str) -> dict[str, Any]:
    """The named fields of the request, as plain data."""
    plain = {}
    for name in names:
        value = getattr(request, name)
        plain[name] = value if isinstance(value, (str, bool)) else list(value)
    return plain


def _require(field: str, value: str) -> None:
    if not value:
        raise invalid(field, "it is required, and it is empty")
