"""Dagster's UI in a real browser, which the machine brings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.eventually import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-proxy-server")


@contextmanager
def browser_page() -> Iterator[Page]:
    """An empty page; the test is skipped on a machine without Chromium.

    What a test waits for on the page has the patience of all tests.
    """
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("Chromium is not there")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not there")
    playwright.expect.set_options(timeout=PATIENCE * 1000)
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            page.set_default_timeout(PATIENCE * 1000)
            yield page
        finally:
            browser.close()
