"""Roles: how much a caller may do, and how much each RPC needs."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from codeserver.exposure.role import ROLES


class Role(enum.IntEnum):
    """How much a caller may do. Each role includes those before it."""

    READ = 1
    """See the definitions, as they were loaded."""

    EVALUATE = 2
    """Have user code evaluated: ticks, plans, partitions."""

    OPERATE = 3
    """Start and cancel runs, load the code again, shut the server down."""

    @property
    def word(self) -> str:
        """Its name for people, which is one of `ROLES`."""
        return ROLES[self - 1]

    @classmethod
    def of(cls, word: str) -> Role:
        """The role with this name."""
        return cls(ROLES.index(word) + 1)


_READ = (
    "Ping",
    "Heartbeat",
    "StreamingPing",
    "GetServerId",
    "GetCurrentImage",
    "GetCurrentRuns",
    "CanCancelExecution",
    "ListRepositories",
    "ExternalRepository",
    "ExternalJob",
    "StreamingExternalRepository",
    "ListLocations",
    "GetLocation",
    "WatchLocation",
    "ListJobs",
    "ListAssets",
    "ListSchedules",
    "ListSensors",
    "ListResources",
    "GetJob",
    "GetAssetGraph",
    "GetRunConfigSchema",
    "ServerReflectionInfo",
)
_EVALUATE = (
    "ExecutionPlanSnapshot",
    "ExternalPipelineSubsetSnapshot",
    "ExternalPartitionNames",
    "ExternalPartitionConfig",
    "ExternalPartitionTags",
    "ExternalPartitionSetExecutionParams",
    "ExternalScheduleExecution",
    "SyncExternalScheduleExecution",
    "ExternalSensorExecution",
    "SyncExternalSensorExecution",
    "ExternalNotebookData",  # it reads a file whose path the caller gives
    "GetExecutionPlan",
    "ListPartitions",
)
_OPERATE = (
    "StartRun",
    "CancelExecution",
    "ReloadCode",
    "ReloadCodeWithState",
    "RefreshComponentState",
    "ReloadLocation",
    "ShutdownServer",
)

NEEDED: Mapping[str, Role] = {
    **dict.fromkeys(_READ, Role.READ),
    **dict.fromkeys(_EVALUATE, Role.EVALUATE),
    **dict.fromkeys(_OPERATE, Role.OPERATE),
}
"""The role that each RPC needs. Health checks need none: probes of Kubernetes send no token."""
