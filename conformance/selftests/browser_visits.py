"""Pages in a real browser, for the tests that use them as people do.

Needs Chromium on this machine and the extra `browser`; what uses this is skipped, with the reason, where one is
missing. Its fixtures are known to all self-tests: conftest.py imports them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.report.files import write_report
from conformance.report.html.side_by_side import write_comparison

from .page_material import ALL, HOSTILE_EXCHANGES, hostile, ordinary, report, row, versions

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 400, "height": 800}
PAGES = ("one", "evil", "index", "compare", "uncounted", "versions", "partial")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; the same for all tests of a module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install openai-conformance[browser]")
    with playwright.sync_playwright() as driver:
        # A profile of its own, new and empty, is what `launch` makes.
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> a page."""
    folder = tmp_path_factory.mktemp("reports")
    one = write_report(ordinary(), ALL.values(), folder, "one")
    evil = write_report(hostile(), HOSTILE_EXCHANGES, folder, "evil")
    compared = write_comparison([one, evil], [ordinary(), hostile()], folder / "compare.html")
    index = folder / "index.html"
    operations = [row(f"operations/files/{name}", "rejected") for name in ("list", "create")]
    uncounted = write_report(
        report([row("chat/fields/n"), *operations]), [], tmp_path_factory.mktemp("others"), "uncounted"
    )
    more = tmp_path_factory.mktemp("more")
    made = versions()
    ran = [write_report(each, (), more, f"v{number}") for number, each in enumerate(made)]
    partial = write_report({**ordinary(), "complete": False}, ALL.values(), more, "one")
    return {
        "versions": write_comparison(ran, made, more / "compare.html"),
        "partial": partial.with_name("index.html"),
        "one": one.with_name("index.html"),
        "uncounted": uncounted.with_name("index.html"),
        "evil": evil.with_name("index.html"),
        "index": index,
        "compare": compared,
    }


class Visit:
    """An open page, and everything it did that a report must not do."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def shown(self) -> list[str]:
        """Ids of the rows that are shown."""
        return self.page.evaluate(
            "[...document.querySelectorAll('.row')].filter(row => row.getClientRects().length).map(row => row.id)"
        )


Open = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, files: dict[str, Path]) -> Iterator[Callable[..., Visit]]:
    """Opens a page; at the end of the test, nothing was loaded but pages of ours and nothing was complained of."""
    visits: list[Visit] = []

    context = browser.new_context(viewport=DESK, permissions=["clipboard-read", "clipboard-write"])

    def open_page(name: str, place: str = "", **settings: Any) -> Visit:
        visit = Visit((browser.new_context(**settings) if settings else context).new_page())
        visits.append(visit)
        visit.page.goto(files[name].as_uri() + place)
        return visit

    yield open_page
    ours = {file.as_uri() for file in files.values()}
    for each in {context, *(visit.page.context for visit in visits)}:
        each.close()
    for visit in visits:
        assert visit.complaints == []
        assert {address.split("#")[0] for address in visit.requests} <= ours


ROWS = 12
ASKED = ROWS - 1
"""Rows that are shown at first: those that were asked."""


def tick(page: Any, verdict: str) -> None:
    page.locator(f"label.chip:has([value={verdict}])").click()
