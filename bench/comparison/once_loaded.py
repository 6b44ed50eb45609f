"""A location load that is not measured, but has been made before something else is."""

from __future__ import annotations

from dagster import DagsterInstance
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin

from bench.comparison.client import socket_of
from bench.servers import Server


def load_once(server: Server) -> None:
    """`create_location`, with ExternalJob for every job, as the webserver and the daemon do it.

    Raises:
        Exception: the server does not answer, or with an error.
    """
    origin = GrpcServerCodeLocationOrigin("localhost", None, str(socket_of(server)), "compared")
    # Closed in the thread that has opened it, which its databases insist on.
    with DagsterInstance.ephemeral() as instance:
        origin.create_location(instance).cleanup()
