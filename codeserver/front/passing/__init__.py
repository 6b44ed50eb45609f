"""TCP ports whose connections are passed on to servers on unix sockets.

By name: the authority of a connection's first request names the server. Gateway: an HTTP CONNECT
names it, and shows who the caller is.
"""

from codeserver.front.passing.port import Port, by_name, gateway

__all__ = ["Port", "by_name", "gateway"]
