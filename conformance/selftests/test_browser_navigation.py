"""The pages as people find their way in them: what opens by itself, Back, phones, filters; in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conformance.report.html.overview import render_overview

from .browser_visits import ASKED, PHONE, ROWS, Open, needs_chromium, tick
from .page_material import report, row

playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install openai-conformance[browser]")
pytestmark = needs_chromium


def test_what_decided_is_opened_with_its_row(opened: Open) -> None:
    page = opened("one", "#errors/chat/wrong_type/stop").page
    row = page.locator("details[id='errors/chat/wrong_type/stop']")
    playwright.expect(row.locator(".x > li > details[open] > summary")).to_have_count(1)
    assert row.locator(".x > li > details[open] > summary").inner_text().startswith("bad request (stop: 7)")
    assert row.locator(".side h5").all_inner_texts() == ["Control", "Bad request"]
    assert row.locator(".side mark").all_inner_texts() == ['"stop": 7']


def test_the_fault_of_a_rule_is_marked_in_its_answer(opened: Open) -> None:
    page = opened("one", "#chat/response/role").page
    sides = page.locator("details[id='chat/response/role'] .side")
    playwright.expect(sides).to_have_count(1)
    assert sides.locator("mark").all_inner_texts() == ['"role": "assistant"']
    assert sides.locator("h5").inner_text() == "An answer that breaks the rule"


def test_a_derived_row_leads_to_its_parts(opened: Open) -> None:
    page = opened("one", "#chat/fields/stop").page
    row = page.locator("details[id='chat/fields/stop']")
    assert row.locator(".x").count() == 0
    row.locator(".parts a[href='#chat/fields/stop/quoted']").click()
    playwright.expect(page.locator("details[id='chat/fields/stop/quoted']")).to_have_attribute("open", "")


def test_back_restores_the_filters_and_the_place(opened: Open) -> None:
    visit = opened("one")
    page = visit.page
    page.wait_for_function("document.readyState === 'complete'")
    page.get_by_role("link", name="1 broken, /v1/completions").click()
    playwright.expect(page.locator("output")).to_have_text(f"1 of {ROWS} rows")
    page.go_back()
    playwright.expect(page.locator("output")).to_contain_text(f"{ASKED} of {ROWS} rows")
    assert len(visit.shown()) == ASKED
    tick(page, "rejected")
    page.locator("details[id='chat/fields/stop/quoted'] > summary").click()
    playwright.expect(page).to_have_url(re.compile(r"#\?v=rejected&r=chat/fields/stop/quoted$"))
    page.set_viewport_size({"width": 1280, "height": 300})
    page.locator(".wrong a[href='#chat/fields/n']").first.click()
    playwright.expect(page).to_have_url(re.compile("#chat/fields/n$"))
    place = page.evaluate(
        "new Promise(done => addEventListener('hashchange', () => setTimeout(() => done(scrollY))) || history.back())"
    )
    playwright.expect(page).to_have_url(re.compile(r"#\?v=rejected&r=chat/fields/stop/quoted$"))
    assert visit.shown() == ["chat/fields/stop/quoted"]
    link = page.locator(".wrong a[href='#chat/fields/n']").first
    assert place < 3000
    playwright.expect(link).to_be_in_viewport()


def test_an_opened_row_stands_in_the_address(opened: Open) -> None:
    page = opened("one").page
    page.wait_for_function("document.readyState === 'complete'")
    summary = page.locator("details[id='chat/fields/seed'] > summary")
    summary.click()
    playwright.expect(page).to_have_url(re.compile("#chat/fields/seed$"))
    summary.click()
    playwright.expect(page).to_have_url(re.compile("#matrix$"))


def test_back_from_a_proof_leads_to_its_cell(opened: Open) -> None:
    page = opened("index").page
    page.set_viewport_size({"width": 1280, "height": 300})
    page.get_by_label("Find").fill("s")
    page.locator("a[href='one/index.html#chat/fields/seed']").click()
    page.wait_for_url("**/one/index.html#chat/fields/seed")
    page.go_back()
    assert page.url.endswith("#?q=s&r=chat/fields/seed")
    playwright.expect(page.get_by_label("Find")).to_have_value("s")
    playwright.expect(page.locator("tr[id='chat/fields/seed']")).to_be_in_viewport()


def test_a_phone_shows_every_column(browser: Any, opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "index.html"
    verdicts = ("not_applicable", "inconclusive", "supported")
    reports = {f"v{n}": report([row("chat/fields/n", verdicts[n % 3])], version=f"0.{n}.0") for n in range(10)}
    file.write_text(render_overview(reports))
    page = browser.new_page(viewport=PHONE)
    page.goto(file.as_uri())
    edges = "name => [...document.querySelectorAll(name)].map(each => each.getBoundingClientRect().right)"
    for selector in (".matrix thead th", ".matrix td", ".matrix .v", ".reports thead th", ".reports .num"):
        assert 0 < max(page.evaluate(edges, selector)) <= PHONE["width"]
    assert page.evaluate("getComputedStyle(document.querySelector('.grid')).maxHeight") == "none"
    page.close()
    page = opened("one").page
    page.set_viewport_size(PHONE)
    edges = "[...document.querySelectorAll('.counts th, .counts td')].map(each => each.getBoundingClientRect().right)"
    assert max(page.evaluate(edges)) <= PHONE["width"]


def test_badges_and_the_legend_say_what_they_mean(opened: Open) -> None:
    for name in ("one", "index"):
        page = opened(name).page
        badge = page.locator("#matrix .v.ignored").last
        badge.hover()
        assert "the effect was provably absent" in badge.get_attribute("title")
        assert page.is_visible("text=accepted, without effect")


def test_a_partial_run_shows_what_was_asked(opened: Open) -> None:
    visit = opened("partial")
    assert "errors/chat/missing/model" not in visit.shown()
    assert len(visit.shown()) == ASKED
    tick(visit.page, "untested")
    assert visit.shown() == ["errors/chat/missing/model"]
    visit.page.get_by_role("button", name="Show all").click()
    playwright.expect(visit.page.locator("output")).to_contain_text("1 untested hidden")
    visit.page.evaluate("location.hash = 'errors/chat/missing/model'")
    playwright.expect(visit.page.locator("details[id='errors/chat/missing/model']")).to_be_visible()


def test_the_sentences_lead_to_the_rows_they_count(opened: Open) -> None:
    visit = opened("one")
    visit.page.locator(".headlines").get_by_role("link", name="1 supported").click()
    playwright.expect(visit.page.locator("output")).to_have_text(f"1 of {ROWS} rows")
    assert visit.shown() == ["chat/fields/seed"]


def test_the_comparison_of_versions_says_worse_and_better(opened: Open) -> None:
    page = opened("versions").page
    assert page.inner_text(".lead").startswith("1 worse, 0 better.")
    history = page.locator("tr[id='chat/fields/n'] .history")
    assert history.locator("b").all_inner_texts() == ["▲ better", "▼ worse"]
    assert page.locator(".matrix .head:visible").first.inner_text() == "▼ Worse (1)"
