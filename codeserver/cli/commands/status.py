"""`codeserver status`: the state of a server and the code that it serves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from codeserver.cli.options.location import server_options
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen
from codeserver.cli.printing.changes import Watched
from codeserver.cli.printing.failures import FAILED
from codeserver.cli.printing.location import serves_code, show_location
from codeserver.cli.printing.locations import show_locations
from codeserver.client.errors import InvalidArgumentError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from codeserver.api import v1
    from codeserver.client import AsyncClient, Client


@click.command("status")
@click.option("--watch", is_flag=True, help="Go on, and print a line at each change.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --watch, an object a line.")
@server_options
@click.pass_context
def status_command(context: click.Context, watch: bool, as_json: bool, where: Where) -> None:
    """Show the state of a server and the code that it serves.

    A server with several locations has a line for each; --location shows one of them in full.

    The exit code is 0 if the server serves the code of all locations, 1 if a load has failed or a
    first load is under way, and 2 if there is no server.
    """
    options = ("--watch",) if watch else ()  # for a server that this command starts
    with client_of(where, options=options, allow_failure=True) as client:
        try:
            if watch:
                _watch(client, as_json)
                return
            locations = [client.location()]
            is_one = True
        except InvalidArgumentError:  # The server has several locations, and no name was given.
            if watch:
                asyncio.run(_watch_all(where, as_json))
                return
            locations = list(client.locations())
            is_one = False
    _show(locations, as_json=as_json, is_one=is_one)
    if not all(map(serves_code, locations)):
        context.exit(FAILED)


def _show(locations: list[v1.Location], *, as_json: bool, is_one: bool) -> None:
    out = screen.out()
    if as_json:
        out.json(locations[0] if is_one else {"locations": locations})
    elif is_one:
        show_location(out, locations[0], datetime.now().astimezone())
    else:
        show_locations(out, locations)


def _watch(client: Client, as_json: bool) -> None:
    out, watched = screen.out(), Watched()
    for response in client.watch():
        if as_json:
            out.json(response, indent=None)
            continue
        for parts in watched.lines(response, datetime.now().astimezone()):
            out.line(*parts)
        out.flush()


async def _watch_all(where: Where, as_json: bool) -> None:
    """Print the changes of all locations; each line begins with the name of its location."""
    out, watched, streams = screen.out(), dict[str, Watched](), _Streams(where)
    async for name, response in streams.changes():
        if as_json:
            out.json(response, indent=None)
            continue
        lines = watched.setdefault(name, Watched()).lines
        for parts in lines(response, datetime.now().astimezone()):
            out.line((name.ljust(streams.width), "bold"), "  ", *parts)
        out.flush()


class _Streams:
    """The streams of all locations of a server as one.

    Locations that the server adds are found when it removes or replaces another.

    Attributes:
        width: characters of the longest name.
    """

    def __init__(self, where: Where) -> None:
        self.width = 0
        self._where = where
        self._told: asyncio.Queue[tuple[str, v1.WatchLocationResponse | None]] = asyncio.Queue()
        self._readers: dict[str, asyncio.Task[None]] = {}

    async def changes(self) -> AsyncIterator[tuple[str, v1.WatchLocationResponse]]:
        """Each change, after the name of its location, until the server stops."""
        await self._begin()
        while self._readers:
            name, response = await self._told.get()
            if response is not None:
                yield name, response
                continue
            await self._readers.pop(name)
            with contextlib.suppress(UnavailableError):  # The server has stopped.
                await self._begin()

    async def _begin(self) -> None:
        """Read the streams of the locations that are not read yet."""
        from codeserver.api import v1

        async with self._client() as client:
            found = await client.locations()
        for each in found:
            self.width = max(self.width, len(each.name))
            # A stream of a location that drains is about to end.
            if each.name not in self._readers and each.state != v1.Location.STATE_DRAINING:
                reading = self._read(each.name)
                self._readers[each.name] = asyncio.create_task(reading, name=f"watch {each.name}")

    async def _read(self, name: str) -> None:
        try:
            async with (
                self._client(name) as client,
                contextlib.aclosing(client.watch()) as responses,
            ):
                async for response in responses:
                    self._told.put_nowait((name, response))
        except NotFoundError:
            pass  # It was removed a moment ago.
        finally:
            self._told.put_nowait((name, None))

    def _client(self, location: str = "") -> AsyncClient:
        from codeserver.client import connect_async

        return connect_async(
            self._where.address,
            location=location,
            timeout=self._where.timeout,
            identity=self._where.identity,
        )
