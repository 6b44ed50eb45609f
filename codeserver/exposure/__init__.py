"""The settings of what a server exposes: where it listens, to whom, and how much one may ask."""

from __future__ import annotations

from dataclasses import dataclass

from codeserver.default_address import PORT
from codeserver.exposure import listener
from codeserver.settings import of_server, setting
from codeserver.values import Duration, FilePath, Size, SocketPath

_MOST_MESSAGE_BYTES = 100_000_000


@dataclass(frozen=True)
class Exposure:
    """Where a server listens, to whom, and how much one may ask."""

    host: str = of_server(
        "--host -h",
        "localhost",
        env=("DAGSTER_GRPC_HOST", "DAGSTER_CODE_SERVER_HOST"),
        help="Host name or address to serve on; 0.0.0.0 for all interfaces.",
    )
    port: int | None = setting(
        "--port -p",
        least=0,
        most=65535,
        env=("DAGSTER_GRPC_PORT", "DAGSTER_CODE_SERVER_PORT"),
        help=f"TCP port to serve on; 0 picks a free one. Default without --socket: {PORT}.",
    )
    socket: SocketPath | None = setting(
        "--socket -s",
        env=("DAGSTER_GRPC_SOCKET", "DAGSTER_CODE_SERVER_SOCKET"),
        help="Unix socket to serve on, instead of a port or beside it.",
    )
    listen: tuple[listener.Written, ...] = of_server(
        "--listen",
        (),
        help="Serve on this address, too: HOST:PORT or unix:PATH, with words after commas: tls or "
        "plain, tokens or open, role=read|evaluate|operate, gateway, mode=660, owner=USER:GROUP. "
        "Several are possible; in the variable, they are separated by spaces.",
    )
    tls_cert: FilePath | None = of_server(
        "--tls-cert",
        help="Certificate of the server in PEM, with those between it and its CA. Ports then speak "
        "TLS. It is read again when it changes.",
    )
    tls_key: FilePath | None = of_server("--tls-key", help="The key of the certificate, in PEM.")
    tls_client_ca: FilePath | None = of_server(
        "--tls-client-ca",
        help="CA in PEM. Clients of ports with TLS then need a certificate that it has signed.",
    )
    tls_allow: tuple[str, ...] = of_server(
        "--tls-allow",
        (),
        metavar="NAME",
        help="The only names that certificates of clients may have (subject alternative names). "
        "Default: any.",
    )
    auth_token_file: FilePath | None = of_server(
        "--auth-token-file",
        help="File with lines `NAME TOKEN [ROLE]`. Each call at a port then needs a token, as "
        "`authorization: Bearer TOKEN`. It is read again when it changes.",
    )
    read_only: bool = of_server(
        "--read-only",
        False,
        help="Show the definitions, and refuse everything else, as if each address had the role "
        "read.",
    )
    pin_instance: bool = setting(
        "--pin-instance",
        False,
        help="Refuse requests that name another Dagster instance than this server's own, which is "
        "that of --instance-ref or DAGSTER_HOME. The instance that a caller names decides which "
        "classes are imported, and which files and databases are opened.",
    )
    max_connections: int = of_server(
        "--max-connections",
        4000,
        least=1,
        help="Most connections of each address. Further ones are closed.",
    )
    max_connection_calls: int = of_server(
        "--max-connection-calls",
        200,
        least=1,
        help="Most calls under way on one connection. Its client keeps further ones back; of those "
        "that it makes in the same moment, some may fail with UNAVAILABLE.",
    )
    max_calls: int = of_server(
        "--max-calls",
        10_000,
        least=1,
        help="Most calls under way. Beyond it, callers get RESOURCE_EXHAUSTED.",
    )
    max_connection_age: Duration = of_server(
        "--max-connection-age",
        0.0,
        help="Age at which a connection takes no further call, such as 1h. Its client opens "
        "another one. Calls under way have 10 minutes to end. 0 for no limit.",
    )
    max_connection_idle: Duration = of_server(
        "--max-connection-idle",
        600.0,
        help="Time without a call after which a connection is closed. 0 for no limit.",
    )
    keepalive: Duration = of_server(
        "--keepalive",
        60.0,
        least=1,
        help="Time between questions to clients whether they are still there. One that does not "
        "answer within 20 seconds is disconnected.",
    )
    max_header_size: Size = of_server(
        "--max-header-size",
        16 << 10,
        least=1 << 10,
        help="Largest headers of a request.",
    )
    max_request_size: Size = of_server(
        "--max-request-size",
        _MOST_MESSAGE_BYTES,
        least=1 << 10,
        env=("DAGSTER_GRPC_MAX_RX_BYTES",),
        help="Largest request. Requests that need no user code may have 1 MiB.",
    )
    max_reply_size: Size = of_server(
        "--max-reply-size",
        _MOST_MESSAGE_BYTES,
        least=1 << 10,
        env=("DAGSTER_GRPC_MAX_SEND_BYTES",),
        help="Largest message of a reply.",
    )
    max_reply_memory: Size = of_server(
        "--max-reply-memory",
        2 * _MOST_MESSAGE_BYTES,
        least=1 << 10,
        help="Memory for long replies that clients have not read yet. Further ones wait.",
    )
