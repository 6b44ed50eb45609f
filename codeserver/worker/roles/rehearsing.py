"""The rehearsal: imports the code again to find out whether runs may share one import.

A fork of the host reports the values of its import. A fork of the template imports the code again
under observation, and compares the values (`codeserver.worker.rehearsal`).
"""

from __future__ import annotations

import contextlib
import json
from typing import NoReturn

from codeserver.messages import NotRehearsed, Rehearse, Rehearsed, Values
from codeserver.worker.loading.bytecode import see_files_as_they_are
from codeserver.worker.loading.location import load
from codeserver.worker.loading.surroundings import take_on
from codeserver.worker.process import basics
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.originals import os
from codeserver.worker.rehearsal import rehearse as find
from codeserver.worker.rehearsal import user_modules, values

_LOWEST_PRIORITY = 19


def tell_values(channel: Channel) -> NoReturn:
    """Report the values of the user's modules in this fork of a host."""
    _be_modest()
    channel.send(Values(json.dumps(values(user_modules())).encode()))
    os._exit(0)  # exit handlers belong to the host


def rehearse(channel: Channel) -> NoReturn:
    """Import the code by order of the front, and report the findings."""
    ordered = channel.expect(Rehearse)
    if ordered is None:
        os._exit(0)
    _be_modest()
    _print_nothing()
    see_files_as_they_are()
    take_on(ordered.surroundings)
    told: Rehearsed | NotRehearsed
    try:
        findings, looks = find(lambda: load(ordered.order), json.loads(ordered.body))
        told = Rehearsed([*map(str, findings)], looks)
    except BaseException as error:
        basics.reset_signals()
        told = NotRehearsed(_headline(error))
    with contextlib.suppress(OSError):
        channel.send(told)
    os._exit(0)  # no exit handlers: the code was imported only for the comparison


def _headline(error: BaseException) -> str:
    """The root cause of the error, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    name = type(error).__name__
    try:
        return " ".join(f"{name}: {error}".split())
    except Exception:  # `__str__` may be the user's
        return name


def _be_modest() -> None:
    with contextlib.suppress(OSError):
        os.nice(_LOWEST_PRIORITY)


def _print_nothing() -> None:
    """Discard output, because the load has printed it already."""
    for fd in (1, 2):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, fd)
        os.close(nowhere)
