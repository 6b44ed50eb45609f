"""Optional features of the server, whose packages may fail to import.

Code generated from protos refuses a protobuf or grpcio older than the one it was generated for.
An installer that downgrades these, such as for an older Dagster, leaves such packages behind.
Dagster's server starts in that environment, so this one must start, too.
"""

from __future__ import annotations

import logging
from typing import Any

import grpc
from google import protobuf

from codeserver.api import error_details

_log = logging.getLogger("codeserver")


def use(server: Any) -> None:
    """Add the features whose packages can be imported, and log the missing ones."""
    if error_details.unusable:
        _warn("details of errors", "googleapis-common-protos", error_details.unusable)
    try:
        from codeserver.front import reflection
    except Exception as error:
        _warn("gRPC reflection", "grpcio-reflection", error)
    else:
        reflection.add_to(server)


def _warn(feature: str, package: str, error: Exception) -> None:
    """Log a missing feature, with the command that installs a package release that fits."""
    _log.warning(
        "serving without %s: %s. To have it: pip install %s grpcio==%s protobuf==%s",
        feature,
        " ".join(str(error).split()).partition(". ")[0].rstrip("."),
        package,
        grpc.__version__,
        protobuf.__version__,
    )
