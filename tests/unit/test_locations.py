"""The file of locations: what is read from it, and the line that each mistake in it gets."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from codeserver.config import Config, settings
from codeserver.errors import OperatorError
from codeserver.locations import Entry, read
from codeserver.target import Target

Files = dict[str, str | bytes | None]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/berry")
    monkeypatch.setenv("CODE", "fruit")
    monkeypatch.delenv("NO_SUCH", raising=False)
    return tmp_path


def write(files: Files) -> str:
    """Write them, or make folders where there is no text; the path of the first."""
    for path, text in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            Path(path).mkdir()
        else:
            Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return next(iter(files))


def read_all(files: Files, defaults: Config | None = None) -> tuple[Entry, ...]:
    return read(write(files), defaults or Config(), pytest.fail)


def one(text: str, name: str = "locations.toml", **defaults: Any) -> Entry:
    (entry,) = read_all({name: text}, Config(**defaults))
    return entry


def facts(entry: Entry) -> dict[str, Any]:
    """What is not as usual, with HERE for the folder of the test."""
    usual = vars(Config())
    found = {name: value for name, value in vars(entry.config).items() if value != usual[name]}
    assert found.pop("location_name") == entry.name
    if entry.environment:
        found["env"] = dict(entry.environment)
    found["hosts"] = entry.hosts
    return {name: _shortened(value) for name, value in found.items()}


def _shortened(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_shortened, value))
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    return value.replace(os.getcwd(), "HERE") if isinstance(value, str) else value


DG = 'directory_type = "workspace"\n[workspace]\nprojects = [{ path = "one" }]\n'
ONE = 'directory_type = "project"\n[project]\nroot_module = "one"\n'
OF_ONE = {
    "module_name": "one.definitions",
    "working_directory": "HERE/one",
    "hosts": ("one",),
    "env": {"DAGSTER_PROJECT_ENV_FILE_PATHS": '{"one": "HERE/one"}'},
}

GOOD: dict[str, tuple[Files, dict[str, dict[str, Any]]]] = {
    "a file for each kind of target": (
        {
            "locations.toml": '[locations.a]\npython_file = "a.py"\nattribute = "defs"\n'
            '[locations.b]\nmodule_name = "b"\n[locations.c]\npackage_name = "c"\n'
            '[locations.d]\nautoload_defs_module_name = "d.defs"\n',
        },
        {
            "a": {
                "python_file": "HERE/a.py",
                "attribute": "defs",
                "working_directory": "HERE",
                "hosts": ("a",),
            },
            "b": {"module_name": "b", "working_directory": "HERE", "hosts": ("b",)},
            "c": {"package_name": "c", "working_directory": "HERE", "hosts": ("c",)},
            "d": {
                "autoload_defs_module_name": "d.defs",
                "working_directory": "HERE",
                "hosts": ("d",),
            },
        },
    ),
    "paths relative to the file": (
        {
            "etc/list.toml": '[locations.a]\npython_file = "../a.py"\nworking_directory = "w"\n'
            'python = ".venv/bin/python"\nsocket = "a.sock"\nsnapshot = "/a.snapshot"\n'
            'watch = true\nwatch_dir = ["sql"]\n',
            "etc/sql": None,
        },
        {
            "a": {
                "python_file": "HERE/etc/../a.py",
                "working_directory": "HERE/etc/w",
                "python": "HERE/etc/.venv/bin/python",
                "socket": "HERE/etc/a.sock",
                "snapshot": "/a.snapshot",
                "watch": True,
                "watch_dir": ("HERE/etc/sql",),
                "hosts": ("a",),
            }
        },
    ),
    "values of all types": (
        {
            "locations.toml": '[locations.a]\nmodule_name = "a"\nport = 4001\nmax_workers = 2\n'
            'default_timeout = 5\nwatch_poll = 0.5\nwatch = true\nwatch_filter = ["*.sql"]\n'
            'idle_unload = "10m"\nworker_max_growth = "1MiB"\nruns = "Warm"\n'
            'python = "~/python"\nhosts = ["A.Team.svc", "a_team.", "a"]\n'
            'container_context = { k8s = { namespace = "berries" } }\nsnapshot = ""\n'
            '[locations.a.env]\nLEVEL = "1"\n'
            '[locations.b]\nmodule_name = "b"\nidle_unload = 90\nworker_max_growth = 1024\n'
            "container_context = '{\"k8s\": {}}'\nempty_working_directory = true\n"
            'instance_ref = { __class__ = "InstanceRef" }\n',
        },
        {
            "a": {
                "module_name": "a",
                "working_directory": "HERE",
                "port": 4001,
                "max_workers": 2,
                "default_timeout": 5.0,
                "watch_poll": 0.5,
                "watch": True,
                "watch_filter": ("*.sql",),
                "idle_unload": 600.0,
                "worker_max_growth": 1 << 20,
                "runs": "warm",
                "python": "/home/berry/python",
                "container_context": {"k8s": {"namespace": "berries"}},
                "hosts": ("a", "a.team.svc", "a_team"),
                "env": {"LEVEL": "1"},
            },
            "b": {
                "module_name": "b",
                "working_directory": "HERE",
                "idle_unload": 90.0,
                "worker_max_growth": 1024,
                "container_context": {"k8s": {}},
                "empty_working_directory": True,
                "instance_ref": '{"__class__": "InstanceRef"}',
                "hosts": ("b",),
            },
        },
    ),
    "names of all letters": (
        {
            "locations.toml": b'\xef\xbb\xbf[locations."My Team: \xc3\xa9t\xc3\xa9.2"]\r\n'
            b'module_name = "a"\r\n[locations."\xe6\x9d\xb1"]\nmodule_name = "b"\nhosts = ["b"]',
        },
        {
            "My Team: été.2": {
                "module_name": "a",
                "working_directory": "HERE",
                "hosts": ("my-team---t--2",),
            },
            "東": {"module_name": "b", "working_directory": "HERE", "hosts": ("b",)},
        },
    ),
    "a port that is free": (
        {
            "locations.toml": '[locations.a]\nmodule_name = "a"\nport = 0\n'
            '[locations.b]\nmodule_name = "b"\nport = 0\n'
        },
        {
            name: {"module_name": name, "working_directory": "HERE", "port": 0, "hosts": (name,)}
            for name in "ab"
        },
    ),
    "another name of the file": (
        {"locations": '[locations.a]\nmodule_name = "a"\n'},
        {"a": {"module_name": "a", "working_directory": "HERE", "hosts": ("a",)}},
    ),
    "a workspace of Dagster by its text": (
        {"workspace": "load_from:\n  - python_module: a\n"},
        {"a": {"module_name": "a", "hosts": ("a",)}},
    ),
    "dg": ({"dg.toml": DG, "one/dg.toml": ONE}, {"one": OF_ONE}),
    "dg elsewhere": (
        {"w/dg.toml": DG, "w/one/dg.toml": ONE},
        {
            "one": {
                **OF_ONE,
                "working_directory": "HERE/w/one",
                "env": {"DAGSTER_PROJECT_ENV_FILE_PATHS": '{"one": "HERE/w/one"}'},
            }
        },
    ),
    "dg in a pyproject.toml": (
        {
            "pyproject.toml": '[tool.dg]\ndirectory_type = "workspace"\n[tool.dg.cli]\n'
            'verbose = true\n[[tool.dg.workspace.projects]]\npath = "./a/one"\n'
            '[[tool.dg.workspace.projects]]\npath = "two"\n',
            "a/one/pyproject.toml": '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\n'
            'root_module = "one"\ncode_location_target_module = "one.here"\n'
            'code_location_name = "Number One"\n',
            "a/one/src": None,
            "two/dg.toml": '[project]\nroot_module = "two.of"\nautoload_defs = true\n',
            "two/pyproject.toml": "[tool.dg.project]\nroot_module = 'not this'\n",
            "two/.venv/bin/python": "",
        },
        {
            "Number One": {
                "module_name": "one.here",
                "working_directory": "HERE/a/one/src",
                "hosts": ("number-one",),
                "env": {"DAGSTER_PROJECT_ENV_FILE_PATHS": '{"Number One": "HERE/a/one"}'},
            },
            "two": {
                "autoload_defs_module_name": "two.of.defs",
                "working_directory": "HERE/two/two",
                "python": "HERE/two/.venv/bin/python",
                "hosts": ("two",),
                "env": {"DAGSTER_PROJECT_ENV_FILE_PATHS": '{"two": "HERE/two"}'},
            },
        },
    ),
    "dg with a Python of its own": (
        {
            "dg.toml": DG,
            "one/dg.toml": ONE,
            "one/.env": "A=1\nexport DG_PROJECT_PYTHON_EXECUTABLE = '../.venv/bin/python'  # one\n",
            "one/.venv/bin/python": "",
        },
        {"one": {**OF_ONE, "python": "HERE/.venv/bin/python"}},
    ),
}


@pytest.mark.parametrize(("files", "expected"), GOOD.values(), ids=GOOD)
def test_what_is_read(files: Files, expected: dict[str, dict[str, Any]]) -> None:
    entries = read_all(files)
    assert {entry.name: facts(entry) for entry in entries} == expected
    assert [entry.name for entry in entries] == list(expected), "in their order"


def test_the_target_is_that_of_the_settings(folder: Path) -> None:
    text = '[locations.a]\npython_file = "a.py"\nattribute = "defs"\n'
    directory = str(folder)
    target = Target(python_file=f"{folder}/a.py", attribute="defs", working_directory=directory)
    assert one(text).target == target
    assert one(text + "empty_working_directory = true").target.working_directory is None


def test_the_command_line_has_the_defaults_of_all() -> None:
    """But not what is of one location, and the port and socket are those of the server."""
    of_one = {each.name: "theirs" for each in settings() if each.scope == "location"}
    given: dict[str, Any] = {"port": 4000, "socket": "s", "max_workers": 2, "runs": "warm"}
    entry = one('[locations.a]\nmodule_name = "a"\nruns = "fresh"\n', **{**of_one, **given})
    assert facts(entry) == {
        "module_name": "a",
        "max_workers": 2,
        "runs": "fresh",
        "working_directory": "HERE",
        "hosts": ("a",),
    }


DIRECTORIES = {
    "its own": ('working_directory = "w"', {}, "HERE/w"),
    "the usual one": ("", {}, "HERE"),
    "of the command line": ("", {"working_directory": "/w"}, "/w"),
    "its own, with another": ('working_directory = "w"', {"working_directory": "/w"}, "HERE/w"),
    "none": ("", {"empty_working_directory": True}, None),
    "its own, without a usual one": (
        'working_directory = "w"',
        {"empty_working_directory": True},
        "HERE/w",
    ),
    "none of its own": ("empty_working_directory = true", {"working_directory": "/w"}, None),
}


@pytest.mark.parametrize(("line", "defaults", "expected"), DIRECTORIES.values(), ids=DIRECTORIES)
def test_which_working_directory_wins(
    line: str, defaults: dict[str, Any], expected: str | None
) -> None:
    entry = one(f'[locations.a]\nmodule_name = "a"\n{line}\n', **defaults)
    assert _shortened(entry.target.working_directory) == expected


@pytest.mark.parametrize(
    ("further", "given", "expected"),
    [
        ({"one/.venv/bin/python": ""}, None, "HERE/one/.venv/bin/python"),
        ({"one/.venv/bin/python": ""}, "/python", "/python"),
        ({"one/.env": "DG_PROJECT_PYTHON_EXECUTABLE=/mine"}, "/python", "/mine"),
        ({}, "/python", "/python"),
        ({}, None, None),
    ],
)
def test_which_python_wins(further: Files, given: str | None, expected: str | None) -> None:
    """The command line goes before the `.venv` of a project, which the file does not mention."""
    (entry,) = read_all({"dg.toml": DG, "one/dg.toml": ONE, **further}, Config(python=given))
    assert _shortened(entry.config.python) == expected


def test_equality_tells_whether_a_location_has_changed() -> None:
    first = '[locations.a]\nmodule_name = "a"\nmax_queue = 1\n'
    assert one(first) == one(f"# The team's.\n{first}max_workers = {Config().max_workers}\n")
    for more in ("port = 4001", 'hosts = ["b"]', 'env = { A = "1" }', 'attribute = "defs"'):
        assert one(first) != one(first + more)
    entry = one(first)
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.name = "b"  # type: ignore[misc]


WARNED = {
    "a server of others": (
        {
            "workspace.yaml": "load_from:\n- python_module: a\n- grpc_server: {port: 4001}\n",
        },
        "workspace.yaml: line 3: a grpc_server is served elsewhere; it is left out.",
    ),
    "a Python of dg that is old": (
        {"dg.toml": DG, "one/dg.toml": ONE + 'python_environment = "uv_managed"\n'},
        "one/dg.toml: python_environment does not count, as in dg; DG_PROJECT_PYTHON_EXECUTABLE "
        "in .env does.",
    ),
}


@pytest.mark.parametrize(("files", "line"), WARNED.values(), ids=WARNED)
def test_what_does_not_count(files: Files, line: str) -> None:
    lines: list[str] = []
    assert len(read(write(files), Config(), lines.append)) == 1
    assert lines == [line]


A = '[locations.a]\nmodule_name = "a"\n'
B = '[locations.b]\nmodule_name = "b"\n'
LONG = "a" * 64
TEXT = "locations.toml: location a: {}"


def of_toml(text: str | bytes) -> Files:
    return {"locations.toml": text}


def of_yaml(text: str | bytes) -> Files:
    return {"workspace.yaml": text}


BAD: dict[str, tuple[Files, str]] = {
    "a folder": ({"etc": None}, "etc: is a directory; give a file that lists locations."),
    "empty": (of_toml(" \n"), "locations.toml: is empty."),
    "not UTF-8": (of_toml(b"# \xff"), "locations.toml: is not UTF-8 at byte 3."),
    "nested deeply": (of_toml("a = " + "[" * 2000), "locations.toml: is nested too deeply."),
    "half written": (
        of_toml("[locations.a]\nmodule_na"),
        "locations.toml: end of document: Expected '=' after a key in a key/value pair.",
    ),
    "no TOML": (
        of_toml("[locations.a]\nport = = 1"),
        "locations.toml: line 2, column 8: Invalid value.",
    ),
    "two tables of one name": (
        of_toml(A + A),
        "locations.toml: line 3, column 13: Cannot declare ('locations', 'a') twice.",
    ),
    "no locations": (
        of_toml("# none yet\n"),
        "locations.toml: has no locations; add a table [locations.NAME] for each.",
    ),
    "no locations in the table": (
        of_toml("[locations]\n"),
        "locations.toml: has no locations; add a table [locations.NAME] for each.",
    ),
    "a list of locations": (
        of_toml("[[locations]]\n"),
        "locations.toml: locations must be tables [locations.NAME]; it is a list.",
    ),
    "another table": (
        of_toml(A.replace("locations", "location")),
        "locations.toml: unknown key location; did you mean locations?",
    ),
    "no table": (of_toml("locations.a = 'a.py'"), TEXT.format("must be a table; it is 'a.py'.")),
    "an unknown key": (
        of_toml(A + "max-workers = 1"),
        TEXT.format("max-workers is no setting; did you mean max_workers?"),
    ),
    "an unknown key like no other": (
        of_toml(A + "zzzzz = 1"),
        TEXT.format("zzzzz is no setting; see docs/locations.md."),
    ),
    "a dot in the name": (
        of_toml(A.replace(".a", ".a.b")),
        TEXT.format('b is no setting; a name with a dot needs quotes, as in [locations."a.b"].'),
    ),
    "a setting of the server": (
        of_toml(A + "log_level = 'debug'"),
        TEXT.format("log_level is of the whole server; give it on the command line."),
    ),
    "the name again": (
        of_toml(A + "location_name = 'b'"),
        TEXT.format("location_name is the name of the table; leave it out."),
    ),
    "a port that is a text": (
        of_toml(A + "port = '4001'"),
        TEXT.format("port must be a whole number; it is '4001'."),
    ),
    "a port that is true": (
        of_toml(A + "port = true"),
        TEXT.format("port must be a whole number; it is true."),
    ),
    "a port that no system has": (
        of_toml(A + "port = 65536"),
        TEXT.format("port must be from 0 to 65535; it is 65536."),
    ),
    "a flag that is a number": (
        of_toml(A + "watch = 1"),
        TEXT.format("watch must be true or false; it is 1."),
    ),
    "a file that is a list": (
        of_toml("[locations.a]\npython_file = ['a.py']"),
        TEXT.format("python_file must be a text; it is a list."),
    ),
    "a number that is a date": (
        of_toml(A + "default_timeout = 1979-05-27"),
        TEXT.format("default_timeout must be a number; it is 1979-05-27."),
    ),
    "no duration": (
        of_toml(A + "idle_unload = 'soon'"),
        TEXT.format("idle_unload must be a duration, such as 10m; it is 'soon'."),
    ),
    "a duration that is a list": (
        of_toml(A + "idle_unload = []"),
        TEXT.format("idle_unload must be a text or a number; it is a list."),
    ),
    "no size": (
        of_toml(A + "worker_max_growth = -1"),
        TEXT.format("worker_max_growth must be a size, such as 512MiB; it is '-1'."),
    ),
    "no choice": (
        of_toml(A + "isolation = 'thread'"),
        TEXT.format("isolation must be one of auto, fork, spawn; it is 'thread'."),
    ),
    "no list": (
        of_toml(A + "watch_dir = 'sql'"),
        TEXT.format("watch_dir must be a list; it is 'sql'."),
    ),
    "no context": (
        of_toml(A + "container_context = 'k8s'"),
        TEXT.format(
            "container_context is not JSON (Expecting value: line 1 column 1 (char 0)); it must be "
            'an object, such as {"k8s": {}}.'
        ),
    ),
    "a NUL": (
        of_toml('[locations.a]\npython_file = "a\\u0000.py"'),
        TEXT.format("python_file has a NUL character, which no text of a process can have."),
    ),
    "hosts that are no list": (
        of_toml(A + "hosts = 'b'"),
        TEXT.format("hosts must be a list; it is 'b'."),
    ),
    "hosts that are numbers": (
        of_toml(A + "hosts = [1]"),
        TEXT.format("hosts must be a list of texts; 1 is none."),
    ),
    "a host with a port": (
        of_toml(A + "hosts = ['b:4000']"),
        TEXT.format("'b:4000' in hosts is no host name."),
    ),
    "an address": (
        of_toml(A + "hosts = ['10.0.0.1']"),
        TEXT.format("'10.0.0.1' in hosts is no host name."),
    ),
    "the host name of all": (
        of_toml(A + "hosts = ['localhost']"),
        TEXT.format("'localhost' in hosts is no host name."),
    ),
    "an empty host": (of_toml(A + "hosts = ['']"), TEXT.format("'' in hosts is no host name.")),
    "a long host": (
        of_toml(A + f"hosts = ['{LONG}']"),
        TEXT.format(f"'{LONG}' in hosts is no host name."),
    ),
    "variables that are no table": (
        of_toml(A + "env = ['A=1']"),
        TEXT.format("env must be a table; it is a list."),
    ),
    "a variable that is a number": (
        of_toml(A + "env = { A = 1 }"),
        TEXT.format("A in env must be a text; it is 1."),
    ),
    "a variable that no process can have": (
        of_toml(A + "env = { 'A=B' = '1' }"),
        TEXT.format("'A=B' in env is no variable that a process can have."),
    ),
    "no target": (
        of_toml("[locations.a]\nmodule_name = ''\n"),
        TEXT.format(
            "names no code; give it one of python_file, module_name, package_name, "
            "autoload_defs_module_name."
        ),
    ),
    "two targets": (
        of_toml(A + "python_file = 'a.py'"),
        TEXT.format("python_file and module_name are given; keep one of them."),
    ),
    "a filter without watching": (
        of_toml(A + "watch_filter = ['*.sql']"),
        TEXT.format("watch_filter is given without watch; add watch = true."),
    ),
    "an empty name": (
        of_toml("[locations.'']\nmodule_name = 'a'"),
        "locations.toml: a location has an empty name; give it one.",
    ),
    "a slash in the name": (
        of_toml("[locations.'a/b']\nmodule_name = 'a'"),
        "locations.toml: location a/b: a name has no slash and no control characters.",
    ),
    "a line break in the name": (
        of_toml('[locations."a\\nb"]\nmodule_name = "a"'),
        "locations.toml: location 'a\\nb': a name has no slash and no control characters.",
    ),
    "a name without a host": (
        of_toml("[locations.'東']\nmodule_name = 'a'"),
        "locations.toml: location 東: no host name can be made of the name; give it another one, "
        "or hosts in a TOML file.",
    ),
    "a name that is the host of all": (
        of_toml("[locations.localhost]\nmodule_name = 'a'"),
        "locations.toml: location localhost: no host name can be made of the name; give it "
        "another one, or hosts in a TOML file.",
    ),
    "two names of one host": (
        of_toml("[locations.a_b]\nmodule_name = 'a'\n[locations.a-b]\nmodule_name = 'b'"),
        "locations.toml: locations a_b and a-b have the host name a-b; rename one.",
    ),
    "the host of another": (
        of_toml(A + B + "hosts = ['A']"),
        "locations.toml: locations a and b have the host name a; rename one.",
    ),
    "two with one port": (
        of_toml(A + "port = 4001\n" + B + "port = 4001"),
        "locations.toml: location b: port 4001 is that of location a, too; give it another one.",
    ),
    "two with one socket": (
        of_toml(A + "socket = 's'\n" + B + "socket = './s'"),
        "locations.toml: location b: socket HERE/s is that of location a, too; give it another "
        "one.",
    ),
    "the port of the server": (
        of_toml(A + "port = 4000"),
        TEXT.format("port 4000 is that of the server, too; give it another one."),
    ),
    "an empty workspace": (of_yaml(""), "workspace.yaml: is empty."),
    "a workspace of nothing": (
        of_yaml("# none yet\n"),
        "workspace.yaml: has no locations; add a list load_from.",
    ),
    "a workspace without locations": (
        of_yaml("load_from: []"),
        "workspace.yaml: has no locations; add one to load_from.",
    ),
    "a workspace of others": (
        of_yaml("load_from: [{grpc_server: {port: 1}}]"),
        "workspace.yaml: has no locations to serve: each is a grpc_server, served elsewhere.",
    ),
    "no YAML": (
        of_yaml("load_from: [\n- a"),
        "workspace.yaml: line 2, column 1: expected the node content, but found '-'.",
    ),
    "half a list": (
        of_yaml("load_from:\n  - python_file: 'a.p"),
        "workspace.yaml: line 2, column 22: found unexpected end of stream.",
    ),
    "a tag of Python": (
        of_yaml("load_from: !!python/object:os.system {}"),
        "workspace.yaml: line 1, column 12: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object:os.system'.",
    ),
    "a value that its tag does not fit": (
        of_yaml("load_from: !!int x"),
        "workspace.yaml: is no YAML (invalid literal for int() with base 10: 'x').",
    ),
    "a value that its tag needs and that is missing": (
        of_yaml('load_from: !!int ""'),
        "workspace.yaml: is no YAML (string index out of range).",
    ),
    "a character that YAML does not have": (
        of_yaml("load_from: \0"),
        "workspace.yaml: is no YAML (unacceptable character #x0000: special characters are not "
        "allowed).",
    ),
    "YAML that is nested deeply": (
        of_yaml("load_from: " + "[" * 1000),
        "workspace.yaml: is nested too deeply.",
    ),
    "a key twice": (
        of_yaml("load_from:\n- python_module: a\nload_from:\n- python_module: b\n"),
        "workspace.yaml: line 3, column 1: the key load_from is given twice.",
    ),
    "a workspace that is a list": (
        of_yaml("- python_module: a"),
        "workspace.yaml: must be a mapping with load_from; it is a list.",
    ),
    "another key": (
        of_yaml("load_form: []"),
        "workspace.yaml: unknown key load_form; did you mean load_from?",
    ),
    "no list in load_from": (
        of_yaml("load_from:\n  python_module: a\n"),
        "workspace.yaml: load_from must be a list; it is a table.",
    ),
    "an item that is a text": (
        of_yaml("load_from: [a]"),
        "workspace.yaml: item 1 of load_from: must be a mapping with one of python_file, "
        "python_module, python_package, autoload_defs_module, grpc_server; it is 'a'.",
    ),
    "an unknown item": (
        of_yaml("load_from:\n- python_modul: a"),
        "workspace.yaml: line 2: unknown key python_modul; did you mean python_module?",
    ),
    "two keys in an item": (
        of_yaml("load_from:\n- python_module: a\n  python_package: b"),
        "workspace.yaml: line 2: has python_module and python_package; an item has one.",
    ),
    "an item of nothing": (
        of_yaml("load_from:\n- python_module:"),
        "workspace.yaml: line 2: python_module must be a text or a mapping; it is empty.",
    ),
    "an item of an empty text": (
        of_yaml("load_from:\n- python_module: ''"),
        "workspace.yaml: line 2: python_module is empty.",
    ),
    "an item without its code": (
        of_yaml("load_from:\n- python_file: {attribute: a}"),
        "workspace.yaml: line 2: python_file has no relative_path.",
    ),
    "an unknown key in an item": (
        of_yaml("load_from:\n- python_file: {relative_path: a, atribute: b}"),
        "workspace.yaml: line 2: unknown key atribute in python_file; did you mean attribute?",
    ),
    "a key of other items": (
        of_yaml("load_from:\n- autoload_defs_module: {module_name: a, attribute: b}"),
        "workspace.yaml: line 2: unknown key attribute in autoload_defs_module; there are "
        "module_name, working_directory, location_name, executable_path.",
    ),
    "a name that is true": (
        of_yaml("load_from:\n- python_module: {module_name: a, location_name: on}"),
        "workspace.yaml: line 2: location_name in python_module must be a text; it is true.",
    ),
    "a variable that is not set": (
        of_yaml("load_from:\n- python_module: {module_name: {env: NO_SUCH}}"),
        "workspace.yaml: line 2: module_name in python_module: the variable NO_SUCH is not set.",
    ),
    "two of one name": (
        of_yaml("load_from:\n- python_module: a\n- python_package: a"),
        "workspace.yaml: two locations are called a; rename one.",
    ),
    "a pyproject.toml of others": (
        {"pyproject.toml": "[tool.ruff]\n"},
        'pyproject.toml: needs directory_type = "workspace" of dg; it has none.',
    ),
    "a pyproject.toml that dg cannot use": (
        {"pyproject.toml": "[tool]\ndg = 1\n"},
        "pyproject.toml: tool.dg must be a table.",
    ),
    "one project of dg": (
        {"dg.toml": ONE},
        "dg.toml: declares one project and no workspace; serve it in its directory, without "
        "--locations.",
    ),
    "an unknown type of dg": (
        {"dg.toml": "directory_type = 'folder'"},
        "dg.toml: needs directory_type = \"workspace\" of dg; it has 'folder'.",
    ),
    "an unknown key of dg": (
        {"dg.toml": "directory_type = 'workspace'\n[workspaces]\n"},
        "dg.toml: unknown key workspaces; did you mean workspace?",
    ),
    "no projects": (
        {"dg.toml": "directory_type = 'workspace'\n[workspace]\n"},
        "dg.toml: has no locations; add a project to the workspace.",
    ),
    "projects that are a table": (
        {"dg.toml": "directory_type = 'workspace'\n[workspace.projects]\n"},
        "dg.toml: projects must be a list of tables; it is a table.",
    ),
    "projects that are texts": (
        {"dg.toml": "directory_type = 'workspace'\nworkspace.projects = ['one']"},
        "dg.toml: projects must be tables with a path; 'one' is none.",
    ),
    "an unknown key of projects": (
        {"dg.toml": "directory_type = 'workspace'\nworkspace.projects = [{ paths = 'a' }]"},
        "dg.toml: unknown key paths in projects; did you mean path?",
    ),
    "a path that is a number": (
        {"dg.toml": "directory_type = 'workspace'\nworkspace.projects = [{ path = 1 }]"},
        "dg.toml: the path of a project must be a text; it is 1.",
    ),
    "a project that is not there": (
        {"dg.toml": DG},
        "dg.toml: project one: there is no such directory.",
    ),
    "a project of others": (
        {"dg.toml": DG, "one/pyproject.toml": "[tool.ruff]\n"},
        "dg.toml: project one: has no dg.toml, and no pyproject.toml with [tool.dg.project].",
    ),
    "a project without a root": (
        {"w/dg.toml": DG, "w/one/dg.toml": "[project]\n"},
        "w/one/dg.toml: root_module of the project is missing.",
    ),
    "a project that is no TOML": (
        {"dg.toml": DG, "one/dg.toml": "[project"},
        "one/dg.toml: end of document: Expected ']' at the end of a table declaration.",
    ),
    "a root that is a number": (
        {"dg.toml": DG, "one/dg.toml": "[project]\nroot_module = 1\n"},
        "one/dg.toml: root_module must be a string, and it is 1.",
    ),
    "a Python with a variable": (
        {
            "dg.toml": DG,
            "one/dg.toml": ONE,
            "one/.env": "DG_PROJECT_PYTHON_EXECUTABLE=${HOME}/python\n",
        },
        "one/dg.toml: DG_PROJECT_PYTHON_EXECUTABLE in .env has a variable in it; write the path "
        "without one.",
    ),
}


@pytest.mark.parametrize(("files", "line"), BAD.values(), ids=BAD)
def test_a_file_with_a_mistake(files: Files, line: str) -> None:
    path = write(files)
    with pytest.raises(OperatorError) as error:
        read(path, Config(), lambda _: None)
    assert str(error.value) == line.replace("HERE", os.getcwd())


ODD = {
    "a line break in a key": (of_toml(A + '"a\\nb" = 1'), r"'a\nb' is no setting; see docs/loc"),
    "a line break in another key": (
        of_toml('"a\\nb" = 1'),
        r"unknown key 'a\nb'; the only one is loc",
    ),
    "a line break in YAML": (of_yaml('load_from:\n- {"a\\nb": 1}'), r"line 2: unknown key 'a\nb'"),
    "a number in YAML": (of_yaml("load_from:\n- {1: 1}"), "line 2: unknown key 1"),
    "a list in YAML": (of_yaml("load_from:\n- {[1]: 1}"), "line 2, column 4: found unhashable"),
    "itself in YAML": (of_yaml("load_from: &a [*a]"), "item 1 of load_from: must be a mapping"),
}


@pytest.mark.parametrize(("files", "part"), ODD.values(), ids=ODD)
def test_a_line_about_what_is_odd(files: Files, part: str) -> None:
    path = write(files)
    with pytest.raises(OperatorError) as error:
        read(path, Config())
    assert part in str(error.value)
    assert "\n" not in str(error.value)


WHOLE = {
    "locations.toml": '# All.\n[locations.a]\npython_file = "a.py"\nenv = { A = "1" }\n'
    '[locations."b.c"]\nmodule_name = "b"\nhosts = ["c"]\nwatch = true\n',
    "workspace.yaml": "# All.\nload_from:\n  - python_file: &a\n      relative_path: a.py\n"
    "  - python_module: {module_name: 'a', location_name: b}\n  - python_package: c\n",
    "dg.toml": DG,
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_is_half_written(name: str) -> None:
    """There are no locations only when the text says so; an error never has a second line."""
    write({name: "", "one/dg.toml": ONE})
    for length in range(len(WHOLE[name])):
        Path(name).write_text(WHOLE[name][:length])
        try:
            assert read(name, Config())
        except OperatorError as error:
            assert str(error).startswith(f"{name}: ")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017


def test_a_file_that_is_not_there() -> None:
    for path in ("no.toml", "no/such.yaml", "a\0b"):
        with pytest.raises(
            OperatorError, match=r"^(no[./].*there is no such file|.a.x00b.: cannot be)"
        ):
            read(path, Config())


def test_a_file_that_cannot_be_read_again() -> None:
    os.mkfifo("locations")
    with pytest.raises(OperatorError, match=r"^locations: is no regular file"):
        read("locations", Config())


def test_a_file_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(of_toml(A))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("codeserver.locations.texts.read_regular", refuse)
    with pytest.raises(OperatorError, match=r"^locations.toml: cannot be read \(Permission den"):
        read(path, Config())


def test_addresses_of_the_server() -> None:
    """The usual port is its own only if it is served there."""
    text = A + 'port = 4000\nsocket = "s"\n'
    assert one(text, port=4001).config.port == 4000
    assert one(text, socket="other").config.port == 4000
    for given in ({"port": 4000}, {"socket": "s"}):
        with pytest.raises(OperatorError, match="is that of the server, too"):
            one(text, **given)


def test_a_file_that_the_shell_reaches_through_a_link(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a deployment: `current` leads to another release then."""
    write({"release-1/locations.toml": A})
    (folder / "current").symlink_to("release-1")
    monkeypatch.chdir(folder / "current")
    monkeypatch.setenv("PWD", str(folder / "current"))
    (entry,) = read("locations.toml", Config())
    assert entry.target.working_directory == str(folder / "current")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit needs Linux")
def test_a_limit_of_memory() -> None:
    assert one(A + 'worker_memory_limit = "1GiB"').config.worker_memory_limit == 1 << 30
