"""The Dagster instance of a load order, or that of DAGSTER_HOME, and those that requests name."""

from __future__ import annotations

import os
from contextlib import ExitStack

from codeserver.errors import NotPermitted
from codeserver.facts import LoadOrder, PinnedInstance
from codeserver.worker import dagster_internals as dagster


def admitted(
    named: dagster.InstanceRef | None, pinned: PinnedInstance | None
) -> dagster.InstanceRef | None:
    """The instance that a request names, if it may.

    A reference names classes, which are imported, and their configuration. So it must be equal to
    the server's own as a whole.

    Raises:
        NotPermitted: it may not.
    """
    if named is None or pinned is None:
        return named
    own = _pinned(pinned)
    if own is None:
        raise NotPermitted(
            "With --pin-instance, this server takes no instance but its own, and it has none: set "
            "DAGSTER_HOME or --instance-ref for it."
        )
    if different := [name for name in own._fields if getattr(named, name) != getattr(own, name)]:
        raise NotPermitted(
            "With --pin-instance, this server takes no Dagster instance but its own. The request "
            f"names one with another {', '.join(different)}. Give both the same dagster.yaml and "
            "the same DAGSTER_HOME, or give the server --instance-ref."
        )
    return own


def _pinned(pinned: PinnedInstance) -> dagster.InstanceRef | None:
    if pinned.ref is not None:
        return dagster.deserialize_value(pinned.ref, dagster.InstanceRef)
    home = os.environ.get("DAGSTER_HOME")
    return dagster.InstanceRef.from_dir(os.path.expanduser(home)) if home else None


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
