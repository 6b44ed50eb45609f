"""The caretaker: records the end of a run whose own process could not."""

from __future__ import annotations

from codeserver.messages import Recorded, RecordEnd
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.loading.instance import admitted
from codeserver.worker.loading.surroundings import set_variables
from codeserver.worker.process.channel import Channel
from codeserver.worker.process.originals import signal


class DagsterApiServer:
    """Its name precedes the message in the run's event log; people search for it."""


def record_end(channel: Channel) -> int:
    """Receive `RecordEnd`, and mark the run as failed unless it has a final status."""
    order = channel.expect(RecordEnd)
    if order is None:
        return 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_variables(order.environment)
    args = dagster.deserialize_value(order.body.decode(), dagster.ExecuteExternalJobArgs)
    ref = admitted(args.instance_ref, order.pinned)
    if ref is None:
        return 0
    with dagster.DagsterInstance.from_ref(ref) as instance:
        run = instance.get_run_by_id(args.run_id)
        if run is not None and not run.is_finished:
            message = _explain(args.run_id, order)
            instance.report_engine_event(message, run, cls=DagsterApiServer)
            instance.report_run_failed(run)
    channel.send(Recorded())
    return 0


def _explain(run_id: str, order: RecordEnd) -> str:
    prefix, code = f"Run execution process for {run_id}", order.code
    if order.out_of_memory:
        message = f"{prefix} was killed by the kernel because memory ran out."
    elif code is None:
        message = f"{prefix} ended and its exit code is not known."
    else:
        message = dagster.get_run_crash_explanation(prefix=prefix, exit_code=code)
    words = order.last_words
    return f"{message}\nThe last lines on its standard error:\n{words}" if words else message
