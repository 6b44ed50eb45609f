"""The only place that touches Dagster's private modules, for all versions of it.

The rest of the worker side imports Dagster from here. When Dagster moves or renames something, only
this package changes: `names` has what all versions have in one place, `table` what has moved or is
missing somewhere, `features` what a version can do, and `calls` what is called in different ways.
`changes` are those that codeserver makes in Dagster's own modules. `fit` and `wire_contract` are
for versions that nobody has tested codeserver with.
"""

from __future__ import annotations

from codeserver.worker import dagster_installed as _installed
from codeserver.worker.dagster_internals import fit as _fit

try:
    from codeserver.worker.dagster_internals.calls import *
    from codeserver.worker.dagster_internals.changes import *
    from codeserver.worker.dagster_internals.features import *
    from codeserver.worker.dagster_internals.moved import *
    from codeserver.worker.dagster_internals.names import *
    from codeserver.worker.dagster_internals.partitions import *
except Exception as _error:
    raise _installed.why_not(_error, _fit.missing_names) from _error
