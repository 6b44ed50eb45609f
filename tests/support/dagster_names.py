"""What the tests need of Dagster, where the installed version has it; and what that version has."""

from __future__ import annotations

from dagster._grpc.__generated__ import dagster_api_pb2 as pb

try:
    from dagster_shared.error import SerializableErrorInfo
except ImportError:  # before Dagster 1.10.12
    from dagster._utils.error import SerializableErrorInfo

__all__ = [
    "SerializableErrorInfo",
    "has_rpc",
]


def has_rpc(name: str) -> bool:
    """Whether Dagster's service has this RPC."""
    return name in pb.DESCRIPTOR.services_by_name["DagsterApi"].methods_by_name
