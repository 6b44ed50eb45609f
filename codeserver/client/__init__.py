"""Clients of the typed API of a code location. gRPC is imported when a client is made."""

from __future__ import annotations

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from codeserver.client.asset_graph import AssetGraph
    from codeserver.client.asynchronous import AsyncClient, connect_async
    from codeserver.client.identity import Identity
    from codeserver.client.synchronous import Client, connect

__all__ = ["AssetGraph", "AsyncClient", "Client", "Identity", "connect", "connect_async"]

_MODULES = {
    "AssetGraph": "asset_graph",
    "AsyncClient": "asynchronous",
    "Client": "synchronous",
    "Identity": "identity",
    "connect": "synchronous",
    "connect_async": "asynchronous",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
