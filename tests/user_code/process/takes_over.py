"""Code that takes the process for itself when it is imported, in the way that `DEED` names."""

import functools
import json
import os
import select
import signal
import socket
import sys
from types import BuiltinFunctionType, FunctionType

import dagster as dg

BLOCKED = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1]


def block_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def replace_functions() -> None:
    """As gevent does, but with what refuses to work for the server."""
    for module in (json, os, select, signal, socket):
        for name, function in list(vars(module).items()):
            if isinstance(function, (BuiltinFunctionType, FunctionType)):
                setattr(module, name, not_for_the_server(function))


def not_for_the_server(function):
    @functools.wraps(function)
    def guarded(*args, **kwargs):
        caller = sys._getframe(1).f_globals.get("__name__", "")
        assert not caller.startswith("codeserver"), f"{caller} calls {function.__name__}"
        return function(*args, **kwargs)

    return guarded


globals()[os.environ["DEED"]]()


@dg.op
def nothing(): ...


@dg.job(executor_def=dg.in_process_executor)
def short():
    nothing()


@dg.sensor(target=short)
def quick():
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return dg.SkipReason(" ".join(sorted(each.name for each in blocked)) or "none")


defs = dg.Definitions(jobs=[short], sensors=[quick])
