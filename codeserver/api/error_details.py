"""`google.rpc`: how errors carry details, where its package can be imported.

Its generated code refuses a protobuf that is older than its own. Errors say everything in their
message, too, so servers and clients go without the details then.
"""

from __future__ import annotations

unusable: Exception | None = None
"""Why there are no details."""

try:
    from google.rpc.error_details_pb2 import BadRequest, ResourceInfo
    from google.rpc.status_pb2 import Status
except Exception as error:  # protobuf's class for it is an `Exception` and absent in old releases
    unusable = error
    BadRequest = ResourceInfo = Status = None

__all__ = ["BadRequest", "ResourceInfo", "Status", "unusable"]
