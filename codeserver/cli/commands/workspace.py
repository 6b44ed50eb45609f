"""`codeserver workspace`: a workspace.yaml by which Dagster reaches the locations of a server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codeserver.cli.options.location import whole_server_options
from codeserver.cli.options.output import output_option, write
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing.failures import Failure
from codeserver.client.addresses import host_and_port, is_loopback
from codeserver.default_address import TLS

if TYPE_CHECKING:
    from codeserver.api import v1

_NAME, _PORT, _SOCKET = "name", "port", "socket"
_LOCALHOST = "localhost"
_UNIX = "unix:"

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_NOT_PLAIN = {"y", "yes", "n", "no", "on", "off", "true", "false", "null"}
"""Words that mean something else than a text in YAML 1.1."""

Entry = Mapping[str, str | int]


@click.command("workspace")
@click.option(
    "--by",
    type=click.Choice([_NAME, _PORT, _SOCKET]),
    help="Reach each location by its host name on the port of the server, by its own port, or by "
    "its own socket. Default: name; socket, if --address is a socket.",
)
@click.option(
    "--domain",
    metavar="DOMAIN",
    help="Domain of the host names; empty for none, as for Services of the same namespace. "
    "Default: localhost for a server on this machine, else none.",
)
@output_option
@whole_server_options
def workspace_command(
    by: str | None, domain: str | None, output: Path | None, where: Where
) -> None:
    """Write a workspace.yaml by which Dagster reaches the locations of a server.

    It is for `dagster-webserver -w` and `dagster-daemon run -w`, and has an entry for each location
    that the server has now. A file is replaced in one step.

    \b
    codeserver workspace -o workspace.yaml              sales.localhost:4000 and so on
    codeserver workspace --domain team.svc              sales.team.svc:4000 and so on
    codeserver workspace --by socket                    for programs on the same machine
    """  # noqa: D301 - click reads this backspace
    if domain is not None and by in (_PORT, _SOCKET):
        raise click.UsageError(f"--domain is for --by name, not for --by {by}; leave one out.")
    with client_of(where) as client:
        locations, asked = client.locations(), client.address
    is_tls = where.address.strip().startswith(TLS)
    entries = [_with_tls(entry_of(each, asked, by, domain), is_tls) for each in locations]
    about = f"# The locations of the server at {where.address}, by `codeserver workspace`.\n"
    write(output, about + "".join(_lines(entries)), "yaml", at_once=True)


def entry_of(location: v1.Location, asked: str, by: str | None, domain: str | None) -> Entry:
    """The fields of `grpc_server` for a location.

    Args:
        location: as of the server.
        asked: the address at which the server has told of it, in gRPC's form.
        by: `name`, `port` or `socket`; None for the usual one.
        domain: of host names; empty for none, None for the usual one.

    Raises:
        Failure: the location cannot be reached in this way.
    """
    name = {"location_name": location.name}
    there = host_and_port(asked)
    if not location.hosts and by in (None, _NAME):  # the only one of its server
        if domain is not None:
            raise Failure(f'Location "{location.name}" has no host name; leave --domain out.')
        return {**(_address(*there) if there else _socket(asked)), **name}
    if by == _SOCKET or (by is None and there is None and domain is None):
        sockets = [each for each in location.addresses if each.startswith(_UNIX)]
        return {**_socket(_first(sockets, location, _SOCKET)), **name}
    if by == _PORT:
        ports = [each for each in location.addresses if not each.startswith(_UNIX)]
        found = host_and_port(_first(ports, location, _PORT))
        assert found is not None
        # The bound host may be any address of the machine; the server was reached at this one.
        return {**_address(there[0] if there else _LOCALHOST, found[1]), **name}
    if there is None:
        raise Failure("--by name needs the port of the server; give it with --address HOST:PORT.")
    return {**_address(_host_name(location.hosts, there[0], domain), there[1]), **name}


def _with_tls(entry: Entry, is_tls: bool) -> Entry:
    return {**entry, "ssl": True} if is_tls and "host" in entry else entry


def _host_name(hosts: Sequence[str], asked: str, domain: str | None) -> str:
    """A host name of the location: of the given domain, of this machine, or of a Service."""
    of_name = hosts[-1]
    if domain is None:
        return f"{of_name}.{_LOCALHOST}" if is_loopback(asked) else hosts[0]
    if not domain.strip("."):
        return hosts[0]
    label = next((each for each in hosts if "." not in each), of_name)
    return f"{label}.{domain.strip('.')}"


def _address(host: str, port: int) -> dict[str, str | int]:
    return {"host": host, "port": port}


def _socket(address: str) -> dict[str, str | int]:
    return {"socket": os.path.abspath(address.removeprefix(_UNIX))}


def _first(addresses: Sequence[str], location: v1.Location, kind: str) -> str:
    if addresses:
        return addresses[0]
    others = " or ".join(f"--by {each}" for each in (_NAME, _PORT, _SOCKET) if each != kind)
    raise Failure(f'Location "{location.name}" has no {kind} of its own; try {others}.')


def _lines(entries: Sequence[Entry]) -> Iterator[str]:
    yield "load_from:\n" if entries else "load_from: []\n"
    for entry in entries:
        yield "  - grpc_server:\n"
        for key, value in entry.items():
            yield f"      {key}: {_scalar(value)}\n"


def _scalar(value: str | int) -> str:
    """The value in YAML; texts that could mean something else are quoted as in JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if isinstance(value, int) or (_PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
