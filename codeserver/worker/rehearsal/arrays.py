"""Bytes of arrays, tables and generators of numpy, pandas and Arrow; of large ones, only a part.

Classes are recognized by name, without importing the libraries.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeserver.worker.rehearsal.digests import Digester

_MOST_BYTES = 1 << 20
_MOST_OBJECTS = 1_000


def _array(digester: Digester, value: Any, depth: int) -> bytes:
    numpy = sys.modules["numpy"]
    array = numpy.ndarray.view(value, numpy.ndarray)  # not as the user's subclass
    label = f"{array.dtype.descr}{array.shape}".encode()
    if array.dtype.hasobject:
        return label + digester.ordered(array.flat[:_MOST_OBJECTS].tolist(), depth)
    most = _MOST_BYTES // max(array.itemsize, 1)
    return label + digester.digest(array.flat[:most].tobytes(), depth)


def _scalar(digester: Digester, value: Any, depth: int) -> bytes:
    return digester.digest(value.tobytes(), depth)


def _table(digester: Digester, value: Any, depth: int) -> bytes:
    manager = object.__getattribute__(value, "_mgr")
    return digester.ordered([*manager.axes, *manager.arrays], depth)


def _extension_array(digester: Digester, value: Any, depth: int) -> bytes:
    objects = sys.modules["numpy"].asarray(value[:_MOST_OBJECTS], dtype=object)
    return b"%d:" % len(value) + digester.ordered(objects.tolist(), depth)


def _arrow(digester: Digester, value: Any, depth: int) -> bytes:
    rows = value.slice(0, _MOST_OBJECTS).to_pylist()
    return b"%d:" % len(value) + digester.ordered(rows, depth)


def _state(digester: Digester, value: Any, depth: int) -> bytes:
    return digester.digest(value.state, depth)


def _generator(digester: Digester, value: Any, depth: int) -> bytes:
    return digester.digest(value.bit_generator.state, depth)


def _old_generator(digester: Digester, value: Any, depth: int) -> bytes:
    return digester.digest(value.get_state(legacy=False), depth)


CONTENTS: dict[str, Callable[[Any, Any, int], bytes]] = {
    "numpy.ndarray": _array,
    "numpy.generic": _scalar,
    "numpy.random.bit_generator.BitGenerator": _state,
    "numpy.random._generator.Generator": _generator,
    "numpy.random.mtrand.RandomState": _old_generator,
    **dict.fromkeys(("pandas.DataFrame", "pandas.core.frame.DataFrame"), _table),
    **dict.fromkeys(("pandas.Series", "pandas.core.series.Series"), _table),
    "pandas.api.extensions.ExtensionArray": _extension_array,
    "pandas.core.arrays.base.ExtensionArray": _extension_array,
    **dict.fromkeys(("pyarrow.lib.Array", "pyarrow.lib.ChunkedArray"), _arrow),
    **dict.fromkeys(("pyarrow.lib.RecordBatch", "pyarrow.lib.Table"), _arrow),
}
"""Functions by module and name of a class, in old and new versions. Subclasses have the same."""
