"""A real dbt project, watched as docs/reload.md says.

dbt pins libraries that Dagster does not, so `make test-dbt` installs it in its own environment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from codeserver.api import v1
from codeserver.client import connect
from tests.differential.running import launch
from tests.process.editing import ended_loads
from tests.process.running import final_status
from tests.process.serving import USER_CODE, Server, serve
from tests.support.eventually import eventually

VARIABLE = "CODESERVER_TEST_DBT"
PYTHON = os.environ.get(VARIABLE, "")
WATCHED = ("--watch", "--watch-dir", "warehouse/models", "--watch-dir", "warehouse/macros")

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason=f"{VARIABLE} names no Python with dbt; `make test-dbt`"),
    pytest.mark.timeout(1200),
]


@pytest.fixture
def server(home: Path, work: Path) -> Iterator[Server]:
    """In the folder `dbt`, with the variable that `dagster dev` sets."""
    shutil.copytree(USER_CODE.with_name("dbt"), work / "dbt")
    programs = f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"DAGSTER_IS_DEV_CLI": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PATH": programs}
    command = (PYTHON, "-m", "codeserver", "grpc")
    options = ("-f", "repo.py", "--enable-metrics", *WATCHED)
    socket = work / "dbt.sock"
    with serve(home, socket, *options, cwd=work / "dbt", env=env, command=command) as server:
        eventually(lambda: ended_loads(server) == 1, what="the first load")
        yield server


def assets(server: Server) -> dict[str, v1.Asset]:
    with connect(f"unix:{server.server.socket}") as client:
        return {asset.key: asset for asset in client.assets()}


def test_what_is_edited_in_the_project_is_served(server: Server, work: Path) -> None:
    """Each edit by one load, with no other step, and whatever runs write there is no edit.

    One more load makes sure of the latter.
    """
    project = work / "dbt" / "warehouse"
    models, macro = project / "models", project / "macros" / "cents.sql"
    assert set(assets(server)) == {"orders", "customers"}
    assert assets(server)["orders"].description.startswith("first")

    schema = models / "schema.yml"
    schema.write_text(schema.read_text().replace("first", "second"))
    shows(server, 2, lambda: assets(server)["orders"].description.startswith("second"))
    (models / "orders.sql").write_text("select 2 as id, {{ cents(100) }} as price\n")
    shows(server, 3, lambda: "as price" in assets(server)["orders"].description)
    (models / "refunds.sql").write_text("select id from {{ ref('orders') }}\n")
    shows(server, 4, lambda: "refunds" in assets(server))
    macro.write_text(macro.read_text().replace("100.0", "1000.0"))
    shows(server, 5, lambda: True)

    run = launch(server, "__ASSET_JOB")
    assert final_status(run) is DagsterRunStatus.SUCCESS
    shows(server, 6, lambda: True)
    (models / "refunds.sql").unlink()
    shows(server, 7, lambda: "refunds" not in assets(server))
    assert "changes whenever" not in server.server.text


def shows(server: Server, loads: int, probe: Callable[[], bool]) -> None:
    """Wait until it is served, and make sure that so many loads were enough."""
    eventually(lambda: ended_loads(server) >= loads and probe(), every=0.5)
    assert ended_loads(server) == loads
