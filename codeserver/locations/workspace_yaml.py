"""Dagster's workspace.yaml.

Names, paths and defaults are those that `dagster._core.workspace.load` computes (Dagster 1.13).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

from codeserver.letters import shown
from codeserver.locations.entry import Declaration, Source, did_you_mean
from codeserver.locations.yaml_text import Located, load
from codeserver.values import shown_value

_LOAD_FROM = "load_from"
_GRPC_SERVER = "grpc_server"

# For each kind, the key of its long form that names the code, and the setting for it.
_KINDS = {
    "python_file": ("relative_path", "python_file"),
    "python_module": ("module_name", "module_name"),
    "python_package": ("package_name", "package_name"),
    "autoload_defs_module": ("module_name", "autoload_defs_module_name"),
}
_FURTHER = ("attribute", "working_directory", "location_name", "executable_path")


def declarations(text: str, source: Source) -> Iterator[Declaration]:
    """The locations that the text declares, without those of other servers (`grpc_server`).

    Raises:
        OperatorError: there is none, or one has a mistake.
    """
    items = _items(load(text, source), source)
    if not items:
        raise source.fault("has no locations; add one to load_from.")
    is_any = False
    for position, item in enumerate(items, start=1):
        kind, body, place = _kind_and_body(item, position, source)
        if kind == _GRPC_SERVER:
            source.warn(
                source.line("a grpc_server is served elsewhere; it is left out.", place=place)
            )
            continue
        is_any = True
        texts = _texts(kind, body, place, source)
        yield _declaration(kind, texts, source, is_long=not isinstance(body, str))
    if not is_any:
        raise source.fault("has no locations to serve: each is a grpc_server, served elsewhere.")


def _items(document: Any, source: Source) -> list[Any]:
    if document is None:
        raise source.fault("has no locations; add a list load_from.")
    if not isinstance(document, dict):
        raise source.fault(f"must be a mapping with load_from; it is {shown_value(document)}.")
    for key in document:
        if key != _LOAD_FROM:
            raise source.fault(
                f"unknown key {shown(str(key))}; {did_you_mean(str(key), [_LOAD_FROM])}"
            )
    items = document.get(_LOAD_FROM)
    if not isinstance(items, list):
        raise source.fault(f"load_from must be a list; it is {shown_value(items)}.")
    return items


def _kind_and_body(item: Any, position: int, source: Source) -> tuple[str, Any, str]:
    known = [*_KINDS, _GRPC_SERVER]
    if not isinstance(item, Located):
        raise source.fault(
            f"must be a mapping with one of {', '.join(known)}; it is {shown_value(item)}.",
            place=f"item {position} of load_from",
        )
    place = f"line {item.line}"
    for key in item:
        if key not in known:
            raise source.fault(
                f"unknown key {shown(str(key))}; {did_you_mean(str(key), known)}", place=place
            )
    if len(item) != 1:
        words = " and ".join(item) or "no key"
        raise source.fault(f"has {words}; an item has one.", place=place)
    ((kind, body),) = item.items()
    return kind, body, place


def _texts(kind: str, body: Any, place: str, source: Source) -> dict[str, str]:
    """The texts of the long form; those that are empty are left out, as if they were not given."""
    name, _ = _KINDS[kind]
    if isinstance(body, str):
        body = {name: body}
    if not isinstance(body, dict):
        raise source.fault(
            f"{kind} must be a text or a mapping; it is {shown_value(body)}.", place=place
        )
    known = [name, *(_FURTHER if kind != "autoload_defs_module" else _FURTHER[1:])]
    texts = {}
    for key, value in body.items():
        if key not in known:
            raise source.fault(
                f"unknown key {shown(str(key))} in {kind}; {did_you_mean(str(key), known)}",
                place=place,
            )
        texts[key] = _text(value, f"{key} in {kind}", place, source)
    if not texts.get(name):
        short = "is empty" if name in texts else f"has no {name}"
        raise source.fault(f"{kind} {short}.", place=place)
    return {key: text for key, text in texts.items() if text}


def _text(value: Any, key: str, place: str, source: Source) -> str:
    """The text, which may be that of an environment variable: `{env: NAME}`."""
    if isinstance(value, dict) and list(value) == ["env"] and isinstance(value["env"], str):
        found = os.environ.get(value["env"])
        if found is None:
            raise source.fault(
                f"{key}: the variable {shown(value['env'])} is not set.", place=place
            )
        return found
    if not isinstance(value, str):
        raise source.fault(f"{key} must be a text; it is {shown_value(value)}.", place=place)
    if "\0" in value:
        raise source.fault(f"{key} has a NUL character.", place=place)
    return value


def _declaration(kind: str, texts: dict[str, str], source: Source, *, is_long: bool) -> Declaration:
    key, setting = _KINDS[kind]
    code = usual_name = texts[key]
    # Directories of modules and packages are relative to the current directory.
    base, implied = "", {}
    if kind == "python_file":
        base = source.directory
        code, usual_name = os.path.join(base, code), os.path.basename(code)
        implied = {"working_directory": base} if is_long else {}
    found = {setting: code}
    if attribute := texts.get("attribute"):
        found["attribute"] = attribute
        usual_name = f"{usual_name}:{attribute}"
    if directory := texts.get("working_directory"):
        found["working_directory"] = os.path.join(base, directory)
    if python := texts.get("executable_path"):
        found["python"] = _program(os.path.expanduser(python))
    return Declaration(texts.get("location_name") or usual_name, found, implied)


def _program(path: str) -> str:
    """The path of the program, found in the directories of PATH if it is a mere name."""
    return path if "/" in path else shutil.which(path) or path
