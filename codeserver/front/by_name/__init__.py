"""One port for many servers: the authority of a connection's first request names the server."""

from codeserver.front.by_name.router import ByName

__all__ = ["ByName"]
