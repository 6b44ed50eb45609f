"""Service `api.DagsterApi`: what the unmodified Dagster webserver, daemon and launchers call.

The contract of each RPC is in `proto/codeserver/dagster/dagster_api.proto`.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

from codeserver.config import Config
from codeserver.dagster_wire import dagster_api_pb2 as pb
from codeserver.errors import Draining, InvalidRequest, RequestTimeout, StillLoading, WorkerCrashed
from codeserver.front import dagster_json
from codeserver.front.encoding import chunk_messages, string_field
from codeserver.front.handlers import Context
from codeserver.front.snapshot_replies import SnapshotReplies
from codeserver.front.user_code import UserCodeRpcs, crashed, describe, not_loaded
from codeserver.front.utilization import Utilization
from codeserver.supervisor.generation import Generation
from codeserver.supervisor.loading.failure import LoadFailure, NotLoaded
from codeserver.supervisor.location import Location

_SERVER_ID = 1  # the number of that field

_WHOLE_REPOSITORY_SECONDS = 180.0
"""The limit of Dagster's client for a repository (`DEFAULT_REPOSITORY_GRPC_TIMEOUT`)."""

_ANSWER_SECONDS, _ANSWER_SHARE = 2.0, 0.1
"""Time reserved before the caller's deadline to send the reply: seconds, and the largest share of
the remaining time."""


class _RepositoryError(Exception):
    """A repository could not be described; `reply` carries the error and is not cached."""

    def __init__(self, reply: bytes) -> None:
        super().__init__()
        self.reply = reply


class DagsterApi(UserCodeRpcs):
    """Answers from the location; one method for each RPC.

    Args:
        shut_down: called when a client asks the server to shut down.
        heard: called when a client sends a heartbeat.
    """

    def __init__(
        self,
        config: Config,
        location: Location,
        shut_down: Callable[[], None],
        heard: Callable[[], None],
    ) -> None:
        super().__init__(location, config.default_timeout)
        self._config = config
        self._shut_down = shut_down
        self._heard = heard
        self._utilization = Utilization()
        self._generation: Generation | None = None
        self._replies: SnapshotReplies | None = None
        self._refreshing: weakref.WeakValueDictionary[str, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    async def Ping(self, request: pb.PingRequest, context: Context) -> pb.PingReply:
        """The echo, and utilization metrics when they are enabled.

        The agent of Dagster+, which always sets `--lazy-load-user-code`, takes the first reply for
        the end of the load, and an error in ListRepositories for its result. Under stock, the
        server is unavailable until the load has ended.
        """
        if self._config.lazy_load_user_code:
            await self._until_loaded(context)
        if not self._config.enable_metrics:
            return pb.PingReply(echo=request.echo)
        server_id = await self._location.server_id()
        return pb.PingReply(
            echo=request.echo,
            serialized_server_utilization_metrics=self._utilization.report(
                self._location.name, server_id, self._location.queue, self._location.load_counts
            ),
        )

    async def Heartbeat(self, request: pb.PingRequest, _: Context) -> pb.PingReply:
        """The echo; keeps a server with `--heartbeat` alive."""
        self._heard()
        return pb.PingReply(echo=request.echo)

    async def StreamingPing(
        self, request: pb.StreamingPingRequest, _: Context
    ) -> AsyncIterator[pb.StreamingPingEvent]:
        """The echo, `sequence_length` times."""
        for number in range(request.sequence_length):
            yield pb.StreamingPingEvent(sequence_number=number, echo=request.echo)

    async def GetServerId(self, _request: pb.Empty, _: Context) -> bytes:
        """The server id, which changes with each change of the location."""
        server_id = self._location.current.server_id or await self._location.server_id()
        return string_field(_SERVER_ID, server_id.encode())

    async def GetCurrentImage(self, _request: pb.Empty, _: Context) -> pb.GetCurrentImageReply:
        """The container image that the operator has set."""
        image = dagster_json.current_image(self._config.container_image)
        return pb.GetCurrentImageReply(serialized_current_image=image.decode())

    async def GetCurrentRuns(self, _request: pb.Empty, _: Context) -> pb.GetCurrentRunsReply:
        """The ids of the runs that this server executes."""
        runs = dagster_json.current_runs(self._location.runs.current)
        return pb.GetCurrentRunsReply(serialized_current_runs=runs.decode())

    async def ListRepositories(
        self, _request: pb.ListRepositoriesRequest, context: Context
    ) -> bytes | pb.ListRepositoriesReply:
        """The repositories with their code pointers, or the reason why no code is loaded."""
        try:
            await self._until_loaded(context)
            return self._described(await self._location.generation()).list_repositories
        except NotLoaded as error:
            text = _serialized(error.failure)
        except StillLoading as error:
            if self._config.lazy_load_user_code:
                raise
            text = dagster_json.still_loading(str(error)).decode()
        return pb.ListRepositoriesReply(serialized_list_repositories_response_or_error=text)

    async def _until_loaded(self, context: Context) -> None:
        """Wait until the first load has ended.

        Raises:
            StillLoading: the client has waited for long enough; the message has the progress.
        """
        wait = self._config.first_load_wait
        try:
            await self._location.first_load(_patience(wait, context.time_remaining()))
        except StillLoading as error:
            raise StillLoading(f"The code is {error}.") from None

    async def ExternalRepository(
        self, request: pb.ExternalRepositoryRequest, context: Context
    ) -> bytes:
        """One repository, in one message."""
        return (await self._repository(request, context, streamed=False))[0]

    async def StreamingExternalRepository(
        self, request: pb.ExternalRepositoryRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """One repository, in chunks."""
        for message in await self._repository(request, context, streamed=True):
            yield message

    async def ExternalJob(
        self, request: pb.ExternalJobRequest, context: Context
    ) -> bytes | pb.ExternalJobReply:
        """One job with its snapshot."""
        origin = request.serialized_repository_origin
        try:
            name = dagster_json.read_string(origin, "RemoteRepositoryOrigin", "repository_name")
            described = self._described(await self._location.generation())
            reply = await described.job(name, request.job_name)
        except (InvalidRequest, NotLoaded):
            reply = None
        if reply is not None:
            return reply
        extra = {"job_name": request.job_name}
        answer = await self.ask("ExternalJob", origin.encode(), extra, context)
        if answer.is_error:
            return pb.ExternalJobReply(serialized_error=answer.body.decode())
        return pb.ExternalJobReply(serialized_job_data=answer.body.decode())

    async def ShutdownServer(self, _request: pb.Empty, _: Context) -> pb.ShutdownServerReply:
        """Shut down once the runs have ended."""
        self._shut_down()
        result = dagster_json.shutdown_result()
        return pb.ShutdownServerReply(serialized_shutdown_server_result=result.decode())

    async def StartRun(self, request: pb.StartRunRequest, context: Context) -> pb.StartRunReply:
        """Start a run; reply when its process runs."""
        arguments = request.serialized_execute_run_args
        try:
            run_id = dagster_json.read_string(
                arguments, "ExecuteExternalJobArgs", "pipeline_run_id"
            )
            job = dagster_json.job_name(arguments)
            launch = await self._location.start_run(run_id, job, arguments.encode())
            result = dagster_json.start_run_result(launch.success, launch.message, launch.error)
        except (Draining, RequestTimeout) as error:
            result = dagster_json.start_run_result(False, str(error))
        except InvalidRequest as error:
            info = await self.explain(arguments, "ExecuteExternalJobArgs", error, context)
            result = dagster_json.start_run_result(False, None, info)
        except NotLoaded as error:
            result = dagster_json.start_run_result(False, None, not_loaded(error))
        return pb.StartRunReply(serialized_start_run_result=result.decode())

    async def CancelExecution(
        self, request: pb.CancelExecutionRequest, context: Context
    ) -> pb.CancelExecutionReply:
        """Interrupt a run."""
        argument = request.serialized_cancel_execution_request
        try:
            run_id = dagster_json.read_string(argument, "CancelExecutionRequest", "run_id")
            result = dagster_json.cancel_result(await self._location.runs.cancel(run_id))
        except InvalidRequest as error:
            info = await self.explain(argument, "CancelExecutionRequest", error, context)
            result = dagster_json.cancel_result(False, info)
        return pb.CancelExecutionReply(serialized_cancel_execution_result=result.decode())

    async def CanCancelExecution(
        self, request: pb.CanCancelExecutionRequest, _: Context
    ) -> pb.CanCancelExecutionReply:
        """Report whether a run can be interrupted."""
        run_id = dagster_json.read_string(
            request.serialized_can_cancel_execution_request, "CanCancelExecutionRequest", "run_id"
        )
        result = dagster_json.can_cancel_result(self._location.runs.can_cancel(run_id))
        return pb.CanCancelExecutionReply(serialized_can_cancel_execution_result=result.decode())

    async def ReloadCode(self, _request: pb.ReloadCodeRequest, _: Context) -> pb.ReloadCodeReply:
        """Load the code again; reply when the new code is served, or with the error."""
        failure = await self._location.reload()
        return pb.ReloadCodeReply(serialized_error=_serialized(failure))

    async def ReloadCodeWithState(
        self, request: pb.ReloadCodeWithStateRequest, context: Context
    ) -> pb.ReloadCodeWithStateReply:
        """Load the code with these versions of component state, unless it has them."""
        wanted = request.serialized_defs_state_info or None
        try:
            same = _state(wanted) == _state(self._location.defs_state_info)
            # While a load is under way, what is loaded now is not what will be served.
            if self._location.is_loading or not same:
                failure = await self._location.reload(defs_state_info=wanted)
                if failure is not None:
                    return pb.ReloadCodeWithStateReply(serialized_error=_serialized(failure))
        except InvalidRequest as error:
            info = await self.explain(wanted or "", "DefsStateInfo", error, context)
            return pb.ReloadCodeWithStateReply(serialized_error=info.decode())
        server_id = await self._location.server_id()
        return pb.ReloadCodeWithStateReply(serialized_server_id=server_id)

    async def RefreshComponentState(
        self, request: pb.RefreshComponentStateRequest, context: Context
    ) -> pb.RefreshComponentStateReply:
        """Have components write a new version of their state."""
        keys = sorted(set(request.defs_state_keys))
        # One refresh of a key at a time, as each writes a new version; in sorted order, so that
        # requests for overlapping keys cannot wait for each other.
        locks = [self._refreshing.setdefault(key, asyncio.Lock()) for key in keys]
        async with contextlib.AsyncExitStack() as stack:
            for lock in locks:
                await stack.enter_async_context(lock)
            extra = {"defs_state_keys": keys}
            answer = await self.ask("RefreshComponentState", b"", extra, context)
        text = answer.body.decode()
        if answer.is_error:
            return pb.RefreshComponentStateReply(serialized_error=text)
        return pb.RefreshComponentStateReply(serialized_defs_state_info=text)

    async def _repository(
        self, request: pb.ExternalRepositoryRequest, context: Context, *, streamed: bool
    ) -> list[bytes]:
        origin = request.serialized_repository_python_origin

        async def evaluate_for_all() -> bytes:
            # Not under this caller's deadline: other callers wait for the same snapshot.
            request = describe(
                "ExternalRepository",
                origin.encode(),
                {"defer_snapshots": False},
                deadline=_WHOLE_REPOSITORY_SECONDS,
                default=_WHOLE_REPOSITORY_SECONDS,
                snapshot=None,
            )
            try:
                answer = await self._location.evaluate(request)
            except WorkerCrashed as error:
                raise _RepositoryError(dagster_json.repository_error(crashed(error))) from None
            if answer.is_error:
                raise _RepositoryError(answer.body)
            return answer.body

        described = None
        with contextlib.suppress(InvalidRequest, NotLoaded):
            name = dagster_json.read_string(origin, "RemoteRepositoryOrigin", "repository_name")
            described = self._described(await self._location.generation())
        try:
            if described is not None and described.has_repository(name):
                whole = None if request.defer_snapshots else evaluate_for_all
                return await described.repository(name, streamed=streamed, whole=whole)
            extra = {"defer_snapshots": request.defer_snapshots}
            answer = await self.ask(
                "ExternalRepository",
                *(origin.encode(), extra, context, dagster_json.repository_error),
            )
            text = answer.body
        except _RepositoryError as error:
            text = error.reply
        return chunk_messages(text) if streamed else [string_field(1, text)]

    def _described(self, generation: Generation) -> SnapshotReplies:
        if generation is not self._generation or self._replies is None:
            self._generation, self._replies = generation, SnapshotReplies(generation.snapshot)
        return self._replies


def _patience(wait: float, deadline: float | None) -> float | None:
    """Seconds to wait for the first load, with a reply before the deadline; None for ever."""
    limits = [wait] if wait else []
    if deadline is not None:
        limits.append(deadline - min(_ANSWER_SECONDS, deadline * _ANSWER_SHARE))
    return min(limits, default=None)


def _serialized(failure: LoadFailure | None) -> str:
    if failure is None:
        return ""
    return (failure.error or dagster_json.error(failure.text)).decode()


def _state(text: str | None) -> dict[str, Any] | None:
    return dagster_json.read(text, "DefsStateInfo") if text else None
