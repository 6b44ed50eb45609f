"""A process that records the end of a run whose own process could not."""

from __future__ import annotations

import signal

from codeserver.worker import dagster_internals as dagster
from codeserver.worker.channel import Channel


class DagsterApiServer:
    """The name in front of the message in the run's event log; people search for it."""


def record_end(channel: Channel) -> int:
    """Mark the run that the first frame names as failed, unless it already has a final status.

    The frame's header has `code`: exit code of the run's process, negative for a signal, None
    when nobody saw it end. The body is the run's serialized `ExecuteExternalJobArgs`.
    """
    frame = channel.receive()
    if frame is None:
        return 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    args = dagster.deserialize_value(frame.body.decode(), dagster.ExecuteExternalJobArgs)
    if args.instance_ref is None:
        return 0
    with dagster.DagsterInstance.from_ref(args.instance_ref) as instance:
        run = instance.get_run_by_id(args.run_id)
        if run is None or run.is_finished:
            channel.send({"kind": "recorded", "failed": False})
            return 0
        message = _explain(args.run_id, frame.header["code"])
        instance.report_engine_event(message, run, cls=DagsterApiServer)
        instance.report_run_failed(run)
    channel.send({"kind": "recorded", "failed": True})
    return 0


def _explain(run_id: str, code: int | None) -> str:
    prefix = f"Run execution process for {run_id}"
    if code is None:
        return f"{prefix} ended and its exit code is not known."
    return dagster.get_run_crash_explanation(prefix=prefix, exit_code=code)
