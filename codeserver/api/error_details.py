"""The messages of `google.rpc` for details of errors, if they can be imported.

Their generated code refuses an older protobuf. Servers and clients then do without details: the
message of an error has everything, too.
"""

from __future__ import annotations

unusable: Exception | None = None
"""The error of the import; None if details can be used."""

try:
    from google.rpc.error_details_pb2 import BadRequest, ResourceInfo
    from google.rpc.status_pb2 import Status
except Exception as error:  # protobuf's class for it is an `Exception` and absent in old releases
    unusable = error
    BadRequest = ResourceInfo = Status = None

__all__ = ["BadRequest", "ResourceInfo", "Status", "unusable"]
