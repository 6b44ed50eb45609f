"""Write docs/configuration.md from the settings in `codeserver.config` (`make docs`).

With `--check`, only check that the file is current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from written import write_or_check

from codeserver.config import settings
from codeserver.settings import Setting

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"

HEAD = """\
# Configuration

<!-- Written by `make docs` from codeserver/config.py and codeserver/exposure/. Do not edit. -->

`codeserver grpc` takes every option, short option and environment variable of `dagster api grpc` and
`dagster code-server start` (Dagster 1.13), and some of its own. The command line wins over the
environment; among variables, the first one in the list wins.

Besides the variables shown, each option can be given as `CODESERVER_<NAME>` (strongest), and as
`DAGSTER_CLI_API_GRPC_<NAME>` and `DAGSTER_CLI_CODE_SERVER_START_<NAME>`, with the name of
the option in capitals and underscores: `--max-workers` is `CODESERVER_MAX_WORKERS`. Weaker than these are
only the variables in brackets. Several values for an option that may be given several times are separated
by colons, and those of `--listen` by spaces.

A long value can be kept in a file: {long}
take the name of one from each of their variables with `_FILE` behind it, such as
`DAGSTER_CONTAINER_CONTEXT_FILE`. A variable and its file together are an error.

Called as `dagster api grpc` or `dagster code-server start` ([dagster-command.md](dagster-command.md)), the server
does not read the variables that belong to the other of the two.

"""

TAIL = """
## Read from the environment only

| variable | meaning |
| --- | --- |
| `DAGSTER_HOME` | folder of the Dagster instance, when `--instance-ref` is not given |
| `DAGSTER_REDACT_USER_CODE_ERRORS` | `1`, `true` or `t`: errors for clients do not tell what user code says; the log has it |
| `DAGSTER_DEFS_STATE_INFO_OVERRIDE_PATH` | file whose content replaces `--defs-state-info`; an empty file means the newest versions |
| `WATCHFILES_FORCE_POLLING` | look at watched files every second instead of waiting to be notified |
| `DAGSTER_CPU_STAT_PATH`, `DAGSTER_MEMORY_USAGE_PATH_V2`, ... | where `--enable-metrics` reads control group figures, named as in Dagster |

## What to serve

One of `--python-file`, `--module-name`, `--package-name` and `--autoload-defs-module-name`. Without any
of them, the `pyproject.toml` in the current directory decides: `module_name` or a single entry of
`modules` in `[tool.dagster]`, else `[tool.dg.project]` (`root_module`, `code_location_target_module`,
`autoload_defs`, `defs_module`). `code_location_name` there is the default of `--location-name`.

## Exit codes

| code | meaning |
| --- | --- |
| 0 | stopped by SIGTERM, Ctrl-C, ShutdownServer or a missing heartbeat |
| 1 | the address cannot be had, or the code does not load under `--on-load-error exit` |
| 2 | an option or variable is wrong |
"""


def page() -> str:
    """The whole page."""
    rows = ["| option | default | meaning | variables |", "| --- | --- | --- | --- |"]
    rows += [_row(setting) for setting in settings()]
    *most, last = [f"`{setting.flags[0]}`" for setting in settings() if setting.kind.is_long]
    long = f"{', '.join(most)} and {last}"
    return HEAD.replace("{long}", long) + "\n".join(rows) + "\n" + TAIL


def _row(setting: Setting) -> str:
    flags = ", ".join(f"`{flag}`" for flag in setting.flags)
    meaning = setting.help.replace("|", "\\|")
    if setting.kind.choices:
        meaning += f" One of {', '.join(f'`{choice}`' for choice in setting.kind.choices)}."
    variables = ", ".join(
        [
            *(f"`{name}`" for name in setting.variables),
            *(f"(`{name}`)" for name in setting.last_variables),
        ]
    )
    return f"| {flags} | {_default(setting)} | {meaning} | {variables} |"


def _default(setting: Setting) -> str:
    if setting.name == "max_workers":
        return "CPUs + 4"
    return f"`{setting.written_default}`" if setting.written_default else ""


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), "make docs"))
