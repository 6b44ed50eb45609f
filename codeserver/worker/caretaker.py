"""A process that records the end of a run whose own process could not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.channel import Channel
from codeserver.worker.originals import signal
from codeserver.worker.surroundings import set_variables


class DagsterApiServer:
    """The name in front of the message in the run's event log; people search for it."""


def record_end(channel: Channel) -> int:
    """Mark the run that the first frame names as failed, unless it already has a final status.

    The frame's header has `code`: exit code of the run's process, negative for a signal, None
    when nobody saw it end; `out_of_memory`: whether the kernel killed it for that; `last_words`:
    what it printed last; `environment`: variables that the code was loaded with, for an instance
    that needs them. The body is the run's serialized `ExecuteExternalJobArgs`.
    """
    frame = channel.receive()
    if frame is None:
        return 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_variables(frame.header["environment"])
    args = dagster.deserialize_value(frame.body.decode(), dagster.ExecuteExternalJobArgs)
    if args.instance_ref is None:
        return 0
    with dagster.DagsterInstance.from_ref(args.instance_ref) as instance:
        run = instance.get_run_by_id(args.run_id)
        if run is None or run.is_finished:
            channel.send({"kind": "recorded", "failed": False})
            return 0
        message = _explain(args.run_id, frame.header)
        instance.report_engine_event(message, run, cls=DagsterApiServer)
        instance.report_run_failed(run)
    channel.send({"kind": "recorded", "failed": True})
    return 0


def _explain(run_id: str, facts: Mapping[str, Any]) -> str:
    prefix, code = f"Run execution process for {run_id}", facts["code"]
    if facts["out_of_memory"]:
        message = f"{prefix} was killed by the kernel because memory ran out."
    elif code is None:
        message = f"{prefix} ended and its exit code is not known."
    else:
        message = dagster.get_run_crash_explanation(prefix=prefix, exit_code=code)
    words = facts["last_words"]
    return f"{message}\nThe last lines on its standard error:\n{words}" if words else message
