"""Component state, looked up only when a component asks for it.

Most code has no components with state, and opening the instance can take longer than loading the
code: SQLite storages read all their migrations, and others connect to a server that may be down.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from codeserver.facts import LoadOrder
from codeserver.worker import dagster_internals as dagster


class LateStorage(dagster.DefsStateStorage):
    """The state storage of an instance, which is opened at the first use.

    Args:
        open_instance: opens the instance; the caller closes it.
    """

    def __init__(self, open_instance: Callable[[], dagster.DagsterInstance]) -> None:
        self._open_instance = open_instance
        self._instance_used: dagster.DagsterInstance | None = None

    @property
    def _real(self) -> dagster.DefsStateStorage:
        if self._instance_used is None:
            self._instance_used = self._open_instance()
        return dagster.check.not_none(
            self._instance_used.defs_state_storage, "The instance keeps no component state"
        )

    def get_latest_defs_state_info(self) -> dagster.DefsStateInfo | None:
        """The newest version of every component's state."""
        return self._real.get_latest_defs_state_info()

    def download_state_to_path(self, key: str, version: str, path: Path) -> None:
        """Write this version of a component's state to a file."""
        self._real.download_state_to_path(key, version, path)

    def upload_state_from_path(self, key: str, version: str, path: Path) -> None:
        """Store the content of a file as this version of a component's state."""
        self._real.upload_state_from_path(key, version, path)

    def set_latest_version(self, key: str, version: str | None) -> None:
        """Make this the newest version of a component's state; None for no state."""
        self._real.set_latest_version(key, version)


class LateLoadContext(dagster.DefinitionsLoadContext):
    """Dagster's context of the current load, with component versions looked up at first use.

    Dagster's own class looks up the newest versions when it is created.

    Args:
        state: the versions to load; None for the newest ones.
        location_name: of the code location.
    """

    def __init__(self, state: dagster.DefsStateInfo | None, location_name: str | None) -> None:
        self._info: dagster.DefsStateInfo | None = None
        self._is_known = False
        with dagster.set_defs_state_storage(None):
            super().__init__(
                dagster.DefinitionsLoadType.INITIALIZATION,
                repository_load_data=dagster.load_data_of(state, location_name),
            )
        self._is_known = state is not None

    @property
    def _defs_state_info(self) -> dagster.DefsStateInfo | None:
        if not self._is_known:
            self._is_known = True
            storage = dagster.DefsStateStorage.get()
            self._info = storage.get_latest_defs_state_info() if storage is not None else None
        return self._info

    @_defs_state_info.setter
    def _defs_state_info(self, info: dagster.DefsStateInfo | None) -> None:
        self._info = info

    @property
    def accessed_defs_state_info(self) -> dagster.DefsStateInfo | None:
        """The versions that components have asked for."""
        return super().accessed_defs_state_info if self._is_known else None

    @contextlib.contextmanager
    def with_storage(self, storage: dagster.DefsStateStorage | None) -> Iterator[None]:
        """Look up component state in this storage within the block, and nowhere afterwards."""
        with dagster.set_defs_state_storage(storage):
            yield
        self._is_known = True


def enter_load_context(
    order: LoadOrder, stack: ExitStack, open_instance: Callable[[], dagster.DagsterInstance]
) -> None:
    """Set Dagster's context of the load, and let components find their state until `stack` closes.

    Raises:
        DagsterError: state is ordered, and the installed Dagster knows none.
    """
    state = pinned_state(order)
    if not dagster.DEFS_STATE:
        if dagster.LOAD_CONTEXT:
            dagster.DefinitionsLoadContext.set(
                dagster.DefinitionsLoadContext(dagster.DefinitionsLoadType.INITIALIZATION)
            )
        return
    context = LateLoadContext(state, order.location_name)
    dagster.DefinitionsLoadContext.set(context)
    has_instance = order.instance_ref is not None or dagster.is_dagster_home_set()
    storage = LateStorage(open_instance) if has_instance or state else None
    stack.enter_context(context.with_storage(storage))


def pinned_state(order: LoadOrder) -> dagster.DefsStateInfo | None:
    """The ordered versions of component state; None for the newest.

    Raises:
        DagsterError: the installed Dagster knows no state.
    """
    if order.defs_state_info is None:
        return None
    if not dagster.DEFS_STATE:
        raise dagster.DagsterError(dagster.DEFS_STATE.lack)
    return dagster.deserialize_value(order.defs_state_info, dagster.DefsStateInfo)
