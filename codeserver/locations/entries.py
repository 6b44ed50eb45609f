"""Locations with all their settings, made of declarations; the checks that all formats share."""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections.abc import Iterable
from typing import Any

from codeserver.config import Config, settings
from codeserver.default_address import PORT
from codeserver.letters import shown
from codeserver.locations import hosts
from codeserver.locations.entry import Declaration, Entry, Source
from codeserver.system.memory import LIMITS_GROWTH
from codeserver.target import KINDS, current_directory, of_settings

_NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")
"""Categories of characters: control characters, halves of pairs, ends of lines and paragraphs."""


def entries_of(
    declarations: Iterable[Declaration], defaults: Config, source: Source
) -> tuple[Entry, ...]:
    """The locations that are declared, with the settings of the command line.

    Raises:
        OperatorError: one cannot be served, or two cannot be served together.
    """
    found = [_entry(each, defaults, source) for each in declarations]
    _check_together(found, defaults, source)
    return tuple(found)


def _entry(declared: Declaration, defaults: Config, source: Source) -> Entry:
    name = declared.name
    _check_name(name, source)
    given = dict(declared.settings)
    if given.get("working_directory"):
        given.setdefault("empty_working_directory", False)
    values = {**_not_inherited(), **_implied(declared, defaults), **given, "location_name": name}
    _check_target(values, name, source)
    config, target = of_settings(dataclasses.replace(defaults, **values))
    _check_settings(config, given, source)
    return Entry(name, config, target, _hosts(declared, source), declared.environment)


def _check_name(name: str, source: Source) -> None:
    if not name.strip():
        raise source.fault("a location has an empty name; give it one.")
    if "/" in name or any(unicodedata.category(each) in _NOT_IN_NAMES for each in name):
        raise source.fault("a name has no slash and no control characters.", location=name)


def _not_inherited() -> dict[str, Any]:
    """The settings that a location does not take from the command line, with their defaults."""
    return {
        each.name: each.default
        for each in settings()
        if each.scope == "location" or each.name in ("port", "socket")
    }


def _implied(declared: Declaration, defaults: Config) -> dict[str, Any]:
    usual = {each.name: each.default for each in settings()}
    return {
        name: value
        for name, value in declared.implied.items()
        if getattr(defaults, name) == usual[name]
    }


def _check_target(values: dict[str, Any], location: str, source: Source) -> None:
    given = [kind for kind in KINDS if values[kind]]
    if len(given) > 1:
        raise source.fault(f"{' and '.join(given)} are given; keep one of them.", location=location)
    if not given:
        raise source.fault(f"names no code; give it one of {', '.join(KINDS)}.", location=location)


def _check_settings(config: Config, given: dict[str, Any], source: Source) -> None:
    """Check the settings of the file, as `codeserver grpc` checks its options."""
    for name in ("watch_dir", "watch_filter", "watch_poll"):
        if given.get(name) and not config.watch:
            raise source.fault(
                f"{name} is given without watch; add watch = true.", location=config.location_name
            )
    for directory in given.get("watch_dir", ()):
        if not os.path.isdir(directory):
            raise source.fault(
                f"watch_dir {directory} is no directory.", location=config.location_name
            )
    if given.get("worker_memory_limit") and not LIMITS_GROWTH:
        raise source.fault(
            "worker_memory_limit needs Linux; leave it out here.", location=config.location_name
        )


def _hosts(declared: Declaration, source: Source) -> tuple[str, ...]:
    made = hosts.made_of(declared.name)
    found = [made] if made else []
    for text in declared.hosts:
        host = hosts.written(text)
        if host is None:
            raise source.fault(f"{shown(text)!r} in hosts is no host name.", location=declared.name)
        found.append(host)
    if not found:
        raise source.fault(
            "no host name can be made of the name; give it another one, or hosts in a TOML file.",
            location=declared.name,
        )
    return tuple(dict.fromkeys(found))


def _check_together(entries: list[Entry], defaults: Config, source: Source) -> None:
    names: set[str] = set()
    known_as: dict[str, str] = {}
    served_at = dict.fromkeys(_addresses(defaults, is_server=True))
    for entry in entries:
        if entry.name in names:
            raise source.fault(f"two locations are called {shown(entry.name)}; rename one.")
        names.add(entry.name)
        for host in entry.hosts:
            if host in known_as:
                both = f"{shown(known_as[host])} and {shown(entry.name)}"
                raise source.fault(f"locations {both} have the host name {host}; rename one.")
            known_as[host] = entry.name
        for address in _addresses(entry.config):
            if address in served_at:
                other = served_at[address]
                whose = "the server" if other is None else f"location {shown(other)}"
                raise source.fault(
                    f"{address} is that of {whose}, too; give it another one.", location=entry.name
                )
            served_at[address] = entry.name


def _addresses(config: Config, *, is_server: bool = False) -> list[str]:
    """The addresses that only one can have, in words. Port 0 is a free one for each."""
    port = config.port
    if is_server and port is None and not config.socket:
        port = PORT
    found = [f"port {port}"] if port else []
    if config.socket:
        path = os.path.normpath(os.path.join(current_directory(), config.socket))
        found.append(f"socket {path}")
    return found
