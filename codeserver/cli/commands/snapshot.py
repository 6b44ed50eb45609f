"""`codeserver snapshot`: load code, and write a snapshot of it for servers that start later."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from codeserver.cli.options.code_file import check_is_there, usage_errors
from codeserver.cli.options.location import TARGET_OPTIONS
from codeserver.cli.options.settings import config_options
from codeserver.cli.printing import screen
from codeserver.cli.printing.failures import Failure
from codeserver.cli.printing.words import counted, size_of
from codeserver.config import Config
from codeserver.target import resolve

_SETTINGS = (
    *(*TARGET_OPTIONS, "empty_working_directory", "location_name", "defs_state_info"),
    *("inject_env_vars_from_instance", "instance_ref", "startup_timeout"),
)


@click.command("snapshot")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    default="location.snap",
    show_default=True,
    help="File to write.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@config_options(*_SETTINGS)
def snapshot_command(output: Path, as_json: bool, **options: Any) -> None:
    """Write a snapshot, which a server serves until it has loaded the code.

    For images: a server that is started with --snapshot answers at once, while it loads the code.
    Give both commands the same options. A snapshot of other code is never served: it has a
    fingerprint of its files, packages and settings.
    """
    from codeserver.snapshot import file
    from codeserver.supervisor.loading.host import LoadFailed
    from codeserver.supervisor.processes import interpreter

    with usage_errors():
        config, target = resolve(Config.from_options(options))
        interpreter.check(config.python)
        check_is_there(target)
    from codeserver.snapshot.taking import take

    try:
        with screen.err().waiting(f"loading {target.label}"):
            message = asyncio.run(take(config, target))
    except LoadFailed as error:
        failure = error.failure
        lines = (failure.brief or failure.text).rstrip().splitlines()
        raise Failure(f"{target.label} does not load:", lines) from None
    written = file.write(output, message)
    counts: dict[str, int] = {}
    for repository in message.repositories:
        for each in repository.counts:
            counts[each.kind] = counts.get(each.kind, 0) + each.count
    made_from = message.fingerprint
    if as_json:
        facts = {"files": len(made_from.files), "packages": len(made_from.distributions)}
        screen.out().json({"file": str(output), "bytes": written, "counts": counts, **facts})
        return
    screen.out().line((str(output), "bold"), f"  {size_of(written)} of {target.label}")
    screen.out().facts(
        [
            ("describes", ", ".join(counted(many, kind[:-1]) for kind, many in counts.items())),
            (
                "fits",
                f"{counted(len(made_from.files), 'file')} and "
                f"{counted(len(made_from.distributions), 'installed package')}",
            ),
        ]
    )
