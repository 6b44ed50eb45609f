"""Dagster's webserver and daemon at a gateway with TLS and tokens, in a browser.

They have no setting for a token. gRPC within them has: the variable `grpc_proxy`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
import yaml

from tests.acceptance.conftest import UNDER_TEST
from tests.process.access import Issuer, token_of
from tests.support.browser import browser_page
from tests.support.dagster_programs import Deployment
from tests.support.eventually import eventually
from tests.support.graphql import POLL
from tests.support.servers import OURS_WARM, ServerProcess
from tests.support.several_locations import LIST, write_list

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.skipif(UNDER_TEST != "ours", reason="stock has no gateway")

DOMAIN = "code.example"
"""Nothing resolves it. The gateway does."""

WORDS, SALES = "words", "sales"
DAGSTER = "dagster"
REFUSED = "HTTP proxy returned response code 407"
CODE = """\
from dagster import Definitions, RunRequest, in_process_executor, job, op, sensor

@op
def work(context):
    context.log.info("{name}")

@job(executor_def=in_process_executor)
def {name}_job():
    work()

@sensor(job={name}_job, minimum_interval_seconds=1)
def once():
    return RunRequest(run_key="once")

defs = Definitions(jobs=[{name}_job], sensors=[once])
"""


@pytest.fixture(scope="module")
def issuer(home: Path) -> Issuer:
    return Issuer(trustme.CA(), home)


@pytest.fixture(scope="module")
def tokens(home: Path) -> Path:
    """The file of tokens. That of Dagster is missing."""
    path = home / "tokens"
    admit(path)
    return path


@pytest.fixture(scope="module")
def server(home: Path, issuer: Issuer, tokens: Path) -> Iterator[ServerProcess]:
    """Two locations at a gateway. The certificate names one of them."""
    files = {name: home / f"{name}.py" for name in (WORDS, SALES)}
    for name, file in files.items():
        file.write_text(CODE.format(name=name))
    write_list(home, files)
    command = [
        *(*OURS_WARM, "--locations", str(home / LIST)),
        *issuer.issue("server", f"{WORDS}.{DOMAIN}"),
        *("--auth-token-file", str(tokens), "--listen", "127.0.0.1:0,gateway"),
    ]
    env = {"DAGSTER_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    with ServerProcess(command, home / "s", env=env, cwd=home) as process:
        yield process


@pytest.fixture(scope="module")
def dagster(home: Path, server: ServerProcess, issuer: Issuer) -> Iterator[Deployment]:
    listening = r"listening on .*(127\.0\.0\.1:\d+)"
    found = eventually(lambda: re.search(listening, server.text), what="the address")
    env = {
        "grpc_proxy": f"http://{DAGSTER}:{token_of(DAGSTER)}@{found[1]}",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": issuer.write_ca(),
    }
    deployment = Deployment(home, {}, env=env)
    locations = [
        {
            "grpc_server": {
                "host": f"{name}.{DOMAIN}",
                "port": 4000,
                "ssl": True,
                "location_name": name,
            }
        }
        for name in (WORDS, SALES)
    ]
    (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": locations}))
    with deployment:
        yield deployment


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as page:
        yield page


def admit(tokens: Path, *names: str) -> None:
    """Have the file of tokens admit these callers, and the one that every file has."""
    lines = [f"{name} {token_of(name)}\n" for name in ("other", *names)]
    tokens.write_text("".join(lines))


def served(dagster: Deployment, *names: str) -> None:
    """Wait until the webserver has loaded these locations."""
    for name in names:
        jobs = {f"{name}_job"}
        eventually(lambda: dagster.jobs(name) == jobs, every=POLL, what=name)  # noqa: B023


def failed(dagster: Deployment, name: str, reason: str) -> None:
    """Wait until the webserver has failed to load the location for this reason."""
    dagster.reload(name)
    eventually(lambda: reason in dagster.load_error(name), every=POLL, what=reason)


def test_a_token_is_taken_away_and_given_back(
    dagster: Deployment, server: ServerProcess, tokens: Path
) -> None:
    admit(tokens)
    failed(dagster, WORDS, REFUSED)
    said = r"refused at the gateway: the client at 127\.0\.0\.1:\d+: no such name and token"
    eventually(lambda: re.search(said, server.text))

    admit(tokens, DAGSTER)

    served(dagster, WORDS)


def test_a_certificate_is_replaced_by_one_with_another_name(
    dagster: Deployment, issuer: Issuer, tokens: Path
) -> None:
    admit(tokens, DAGSTER)
    issuer.issue("server", f"{WORDS}.{DOMAIN}")
    failed(dagster, SALES, "Hostname Verification Check failed")
    served(dagster, WORDS)

    issuer.issue("server", f"*.{DOMAIN}")

    served(dagster, WORDS, SALES)
    runs = [dagster.launch(f"{name}_job", name) for name in (WORDS, SALES)]
    for run_id in runs:
        dagster.wait_for_run(run_id, "SUCCESS")


@pytest.fixture
def working(dagster: Deployment, issuer: Issuer, tokens: Path) -> Deployment:
    """Dagster with all that it needs, whatever earlier tests did."""
    admit(tokens, DAGSTER)
    issuer.issue("server", f"*.{DOMAIN}")
    served(dagster, WORDS, SALES)
    return dagster


def test_the_daemon_evaluates_sensors_and_launches_runs(working: Deployment) -> None:
    for name in (WORDS, SALES):
        working.start_sensor("once", name)

    working.start_daemon()

    for name in (WORDS, SALES):
        working.wait_for_run(working.wait_for_tick("once", name), "SUCCESS")


def test_the_ui_shows_why_and_recovers(working: Deployment, tokens: Path, page: Page) -> None:
    admit(tokens)
    failed(working, WORDS, REFUSED)
    page.goto(f"{root(working)}/locations")
    page.get_by_text("View error").first.click()
    page.get_by_text(REFUSED).first.wait_for()

    admit(tokens, DAGSTER)

    page.get_by_text("Loaded", exact=True).nth(1).wait_for()


def test_the_ui_launches_a_run(working: Deployment, page: Page) -> None:
    page.goto(f"{root(working)}/locations/__repository__@{SALES}/jobs/{SALES}_job/playground")

    page.get_by_role("button", name="Launch Run").click()

    page.wait_for_url("**/runs/*")
    page.get_by_text("RUN_SUCCESS").wait_for()
    working.wait_for_run(page.url.rpartition("/")[2], "SUCCESS")


def root(dagster: Deployment) -> str:
    return dagster.graphql.url.removesuffix("/graphql")
