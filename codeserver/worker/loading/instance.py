"""The Dagster instance of a load order, or that of DAGSTER_HOME."""

from __future__ import annotations

from contextlib import ExitStack

from codeserver.facts import LoadOrder
from codeserver.worker import dagster_internals as dagster


def ref_of(order: LoadOrder) -> dagster.InstanceRef | None:
    """The instance that the operator has named; None for that of DAGSTER_HOME."""
    if order.instance_ref is None:
        return None
    return dagster.deserialize_value(order.instance_ref, dagster.InstanceRef)


def open_named(order: LoadOrder, stack: ExitStack) -> dagster.DagsterInstance:
    """The instance, open until `stack` closes.

    Raises:
        DagsterError: there is no instance, for example because DAGSTER_HOME is not set.
    """
    ref = ref_of(order)
    if ref is None:
        return stack.enter_context(dagster.DagsterInstance.get())
    return stack.enter_context(dagster.DagsterInstance.from_ref(ref))


def open_for_load(order: LoadOrder, stack: ExitStack) -> dagster.DagsterInstance:
    """Like `open_named`, but safe while other processes open a new instance.

    On a new DAGSTER_HOME, every process tries to create the tables, and only one succeeds. A second
    attempt finds the tables.
    """
    try:
        return open_named(order, stack)
    except dagster.DagsterError:
        raise
    except Exception:
        return open_named(order, stack)
