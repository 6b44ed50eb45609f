"""The format of our own: a TOML file with a table `[locations.NAME]` for each location."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from codeserver.config import settings
from codeserver.letters import shown
from codeserver.locations.entry import Declaration, Source, did_you_mean
from codeserver.settings import Setting
from codeserver.values import Refused, shown_value

_LOCATIONS, _HOSTS, _ENV = "locations", "hosts", "env"
_FURTHER = (_HOSTS, _ENV)


def declarations(tables: dict[str, Any], source: Source) -> Iterator[Declaration]:
    """The locations that the tables declare.

    Raises:
        OperatorError: there is none, or one has a mistake.
    """
    for key in tables:
        if key != _LOCATIONS:
            raise source.fault(f"unknown key {shown(key)}; {did_you_mean(key, [_LOCATIONS])}")
    locations = tables.get(_LOCATIONS, {})
    if not isinstance(locations, dict):
        raise source.fault(
            f"locations must be tables [locations.NAME]; it is {shown_value(locations)}."
        )
    if not locations:
        raise source.fault("has no locations; add a table [locations.NAME] for each.")
    for name, table in locations.items():
        if not isinstance(table, dict):
            raise source.fault(f"must be a table; it is {shown_value(table)}.", location=name)
        yield _declaration(name, table, source)


def _declaration(name: str, table: dict[str, Any], source: Source) -> Declaration:
    known = {each.name: each for each in settings()}
    found = {}
    for key, value in table.items():
        try:
            if key in known:
                found[key] = _value(_of_locations(known[key]), value, source)
            elif key not in _FURTHER:
                _refuse(key, value, known)
        except Refused as why:
            raise source.fault(f"{shown(key)} {why}", location=name) from None
    try:
        hosts, environment = _hosts(table), _environment(table)
    except Refused as why:
        raise source.fault(str(why), location=name) from None
    beside = {"working_directory": source.directory}
    return Declaration(name, found, beside, hosts, environment)


def _of_locations(setting: Setting) -> Setting:
    """The setting, if a location can have one of its own."""
    if setting.scope == "server":
        raise Refused("is of the whole server; give it on the command line.")
    if setting.name == "location_name":
        raise Refused("is the name of the table; leave it out.")
    return setting


def _refuse(key: str, value: Any, known: dict[str, Setting]) -> None:
    names = [each.name for each in known.values() if each.scope != "server"]
    if isinstance(value, dict):
        raise Refused('is no setting; a name with a dot needs quotes, as in [locations."a.b"].')
    raise Refused(f"is no setting; {did_you_mean(key, [*names, *_FURTHER])}")


def _value(setting: Setting, given: Any, source: Source) -> Any:
    """The value of the setting; paths are relative to the file."""
    if given == "" and setting.default is None:
        return None
    value = setting.read_typed(given)
    if not setting.kind.is_path:
        return value
    if setting.is_list:
        return tuple(os.path.join(source.directory, each) for each in value)
    if setting.name == "python":
        value = os.path.expanduser(value)  # as Dagster does for `executable_path`
    return os.path.join(source.directory, value)


def _hosts(table: dict[str, Any]) -> tuple[str, ...]:
    hosts = table.get(_HOSTS, [])
    if not isinstance(hosts, list):
        raise Refused(f"hosts must be a list; it is {shown_value(hosts)}.")
    for each in hosts:
        if not isinstance(each, str):
            raise Refused(f"hosts must be a list of texts; {shown_value(each)} is none.")
    return tuple(hosts)


def _environment(table: dict[str, Any]) -> dict[str, str]:
    variables = table.get(_ENV, {})
    if not isinstance(variables, dict):
        raise Refused(f"env must be a table; it is {shown_value(variables)}.")
    for name, value in variables.items():
        if not isinstance(value, str):
            raise Refused(f"{shown(name)} in env must be a text; it is {shown_value(value)}.")
        if not name or "=" in name or "\0" in name + value:
            raise Refused(f"{name!r} in env is no variable that a process can have.")
    return dict(variables)
