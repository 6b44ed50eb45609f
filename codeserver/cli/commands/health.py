"""The options of `codeserver health`, for its help and for errors in the options."""

from __future__ import annotations

import math
import sys

import click

from codeserver import default_address
from codeserver.cli.options import identity
from codeserver.cli.options.code_file import usage_errors
from codeserver.probe.health import LONGEST, SECONDS, address_of, probe, service_of


@click.command("health")
@click.option(
    "--address",
    metavar="ADDRESS",
    help=f"The server, as HOST:PORT or unix:PATH.  [env var: {default_address.VARIABLE}; "
    f"default: {default_address.ADDRESS}]",
)
@click.option("--port", "-p", type=click.IntRange(1, 65535), help="Its port.")
@click.option("--host", "-h", help=f"Its host name or address.  [default: {default_address.HOST}]")
@click.option("--socket", "-s", metavar="PATH", help="Its unix socket.")
@click.option(
    "--service",
    default="",
    metavar="NAME",
    help="Ask for one service: codeserver.LastLoad says whether the newest load has worked. "
    "Default: the server as a whole.",
)
@click.option(
    "--location",
    default="",
    metavar="NAME",
    help="Ask for one location of a server with several; the same as --service location/NAME.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, LONGEST, min_open=True),
    default=SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of the answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as a JSON object.")
@identity.options
def health_command(
    *,
    address: str | None,
    port: int | None,
    host: str | None,
    socket: str | None,
    service: str,
    location: str,
    timeout: float,
    as_json: bool,
    **files: str | None,
) -> None:
    """Probe a server, for containers: exit code 0 when it is SERVING, else 1.

    Made for the exec probes of Kubernetes and the health checks of Docker: it uses a few
    hundredths of a second of CPU time.
    """
    given = {"address": address, "port": port, "host": host, "socket": socket}
    if math.isnan(timeout):
        raise click.UsageError("--timeout must be a number of seconds; it is nan.")
    if service and location:
        raise click.UsageError("--service and --location are both given; ask for one of them.")
    with usage_errors():
        found = address_of({name: str(value) for name, value in given.items() if value})
        caller = identity.taken_from(files)
    asked = service_of(service, location)
    sys.exit(probe(found, asked, timeout, as_json=as_json, identity=caller))
