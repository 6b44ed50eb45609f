"""`codeserver list`: the definitions of a location."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

import click

from codeserver.cli.options.location import location_options
from codeserver.cli.options.where import Where, client_of
from codeserver.cli.printing import screen

if TYPE_CHECKING:
    from codeserver.client import Client

F = TypeVar("F", bound=Callable[..., Any])

_NAMED = {"name": "names", "tag": "tags", "owner": "owners"}
_OF_ASSETS = {"name": "keys", "tag": "tags", "group": "groups", "owner": "owners", "kind": "kinds"}

_FILTERS: Mapping[str, Mapping[str, str]] = {
    "jobs": _NAMED,
    "assets": _OF_ASSETS,
    "checks": _OF_ASSETS,
    "schedules": _NAMED,
    "sensors": _NAMED,
    "resources": {"name": "names"},
}
"""For each kind, the filter options that apply to it, and the client's arguments for them.

Checks are filtered by their assets; their names are compared here.
"""


def _filter(flag: str, metavar: str, what: str) -> Callable[[F], F]:
    return click.option(flag, multiple=True, metavar=metavar, help=what)


@click.command("list")
@click.argument("what", type=click.Choice(list(_FILTERS)), required=False)
@_filter("--name", "GLOB", "Names or keys that match, such as 'raw/*'. May be given several times.")
@_filter("--tag", "KEY[=VALUE]", "Definitions with this tag; with several, with all of them.")
@_filter("--group", "NAME", "Assets of this group.")
@_filter("--owner", "OWNER", "Definitions of this owner, such as team:data.")
@_filter("--kind", "KIND", "Assets of this kind, such as dbt.")
@click.option("--repository", default="", metavar="NAME", help="Definitions of this repository.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; without a kind, lists by kind.")
@location_options
def list_command(
    what: str | None, repository: str, as_json: bool, where: Where, **filters: tuple[str, ...]
) -> None:
    """List jobs, assets, asset checks, schedules, sensors, resources.

    Without one of these words, it lists all of them to which the given filters apply. Tags,
    groups, owners and kinds of checks are those of their assets.

    Piped, each definition is one line with tabs between its columns, without a header; an empty
    column is -. Without one of these words, the first column is job, asset, check and so on.
    """
    given = {option: values for option, values in filters.items() if values}
    kinds = _kinds(what, given)
    with client_of(where) as client:
        found = {kind: list(_ask(client, kind, given, repository)) for kind in kinds}
    if as_json:
        screen.out().json(found[what] if what is not None else found)
        return
    _print(found, is_one=what is not None)


def _kinds(what: str | None, given: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The kinds to which all given filters apply; an error if that is not the kind asked for."""
    able = [kind for kind, filters in _FILTERS.items() if given.keys() <= filters.keys()]
    if what is None:
        return able
    if what not in able:
        option = next(each for each in given if each not in _FILTERS[what])
        others = ", ".join(kind for kind, filters in _FILTERS.items() if option in filters)
        raise click.UsageError(f"--{option} is not for {what}; it is for {others}.")
    return [what]


def _ask(
    client: Client, kind: str, given: Mapping[str, tuple[str, ...]], repository: str
) -> Iterator[Any]:
    if kind == "checks":
        return _checks(client, given, repository)
    arguments = {_FILTERS[kind][option]: values for option, values in given.items()}
    found: Iterator[Any] = getattr(client, kind)(repository=repository, **arguments)
    return found


def _checks(
    client: Client, given: Mapping[str, tuple[str, ...]], repository: str
) -> Iterator[Mapping[str, Any]]:
    """The checks, each with the key of its asset."""
    names = given.get("name", ("*",))
    of_assets = {option: values for option, values in given.items() if option != "name"}
    for asset in _ask(client, "assets", of_assets, repository):
        for check in screen.plain(asset.checks):
            if any(fnmatchcase(check["name"], name) for name in names):
                yield {"asset": asset.key, "repository": asset.repository, **check}


def _print(found: Mapping[str, list[Any]], *, is_one: bool) -> None:
    from codeserver.cli.printing.definitions import table

    out, is_first = screen.out(), True
    for kind, definitions in found.items():
        if not definitions:
            continue
        rows = table(kind, definitions)
        if out.is_terminal:
            if not is_first:
                out.line()
            out.line((kind.capitalize(), "bold underline"), (f"  {len(definitions):,}", "dim"))
            out.table(rows)
        else:
            out.records(rows, prefix="" if is_one else f"{kind[:-1]}\t")
        is_first = False
    if is_first:
        nothing = next(iter(found)) if is_one else "definitions"
        screen.err().line(f"There are no {nothing} like that.")
