"""The only place that touches Dagster's private modules, for all versions of it.

The rest of the worker side imports Dagster from here. When Dagster moves or renames something, only
this package changes: `names` has what all versions have in one place, `table` what has moved or is
missing somewhere, `features` what a version can and cannot, and `calls` what is called in different
ways. `changes` are those that are made in Dagster's own modules.
"""

from __future__ import annotations

from codeserver.worker.dagster_internals.calls import *
from codeserver.worker.dagster_internals.changes import *
from codeserver.worker.dagster_internals.features import *
from codeserver.worker.dagster_internals.moved import *
from codeserver.worker.dagster_internals.names import *
from codeserver.worker.dagster_internals.partitions import *
