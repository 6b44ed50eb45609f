"""What the server can do without: packages that may refuse to be imported.

Code that is generated from protos refuses a protobuf or grpcio older than what it was generated
for. An installer that replaces these for another package, as for an older Dagster, leaves such
packages behind. Dagster's server starts in that environment, so this one does, too.
"""

from __future__ import annotations

import logging
from typing import Any

import grpc
from google import protobuf

from codeserver.api import error_details

_log = logging.getLogger("codeserver")


def use(server: Any) -> None:
    """Have the server use what there is, and log what it goes without."""
    if error_details.unusable:
        _warn("details of errors", "googleapis-common-protos", error_details.unusable)
    try:
        from codeserver.front import reflection
    except Exception as error:
        _warn("gRPC reflection", "grpcio-reflection", error)
    else:
        reflection.add_to(server)


def _warn(feature: str, package: str, error: Exception) -> None:
    """Say how to have the feature: with the release of its package that fits what is installed."""
    _log.warning(
        "serving without %s: %s. To have it: pip install %s grpcio==%s protobuf==%s",
        feature,
        " ".join(str(error).split()).partition(". ")[0].rstrip("."),
        package,
        grpc.__version__,
        protobuf.__version__,
    )
