"""The pages as people use them: in a real browser. For what it needs, see browser_visits.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.report.html.page import render_page as page_of
from conformance.report.render.explain import format_curl

from .browser_visits import ASKED, DESK, PAGES, PHONE, ROWS, Open, needs_chromium, tick
from .page_material import QUOTED, STOP, many

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs: pip install ...[browser]")
playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install openai-conformance[browser]")
pytestmark = needs_chromium


def test_everything_is_shown_at_first(opened: Open) -> None:
    visit = opened("one")
    assert len(visit.shown()) == ASKED
    assert visit.page.inner_text("output") == f"{ASKED} of {ROWS} rows, 1 untested hidden"
    assert visit.page.title() == "ollama 0.5.1: OpenAI conformance"


def test_filters_by_verdict_endpoint_and_text(opened: Open) -> None:
    visit = opened("one")
    page = visit.page
    tick(page, "ignored")
    assert visit.shown() == ["chat/fields/n"]
    tick(page, "broken")
    assert visit.shown() == ["chat/fields/n", "completions/fields/suffix"]
    assert page.inner_text("output") == f"2 of {ROWS} rows"
    page.get_by_label("Endpoint").select_option("completions")
    assert visit.shown() == ["completions/fields/suffix"]
    assert page.is_hidden("#chat")
    page.get_by_label("Find").fill("nothing like it")
    assert visit.shown() == []
    assert page.is_visible("text=No matching rows.")
    page.get_by_role("button", name="Show all").click()
    playwright.expect(page.locator("output")).to_contain_text(f"{ASKED} of {ROWS} rows")
    page.get_by_label("Find").fill("STOP/string")
    assert visit.shown() == ["chat/fields/stop/string"]
    page.get_by_label("Find").fill("")
    page.locator("label.chip:has([name=d])").click()
    assert visit.shown() == ["chat/fields/n", "chat/fields/seed"]


def test_the_address_keeps_the_filters(opened: Open) -> None:
    visit = opened("one")
    visit.page.get_by_label("Find").fill("n & more")
    tick(visit.page, "broken")
    address = visit.page.url
    assert address.endswith("#?v=broken&q=n%20%26%20more")
    again = opened("one", "#" + address.split("#")[1])
    assert again.page.get_by_label("Find").input_value() == "n & more"
    assert again.page.locator("[name=v][value=broken]").is_checked()
    assert opened("one", "#?v=ignored&e=chat&d=1").shown() == ["chat/fields/n"]
    assert len(opened("one", "#?e=none&v=%ff&q=").shown()) in (0, ASKED)


def test_a_link_opens_its_row(opened: Open) -> None:
    visit = opened("one", "#chat/fields/stop/string")
    row = visit.page.locator("details[id='chat/fields/stop/string']")
    assert row.evaluate("row => row.open")
    playwright.expect(row.locator("> summary")).to_be_focused()
    visit.page.locator(".wrong a[href='#chat/fields/seed']").click()
    row = visit.page.locator("details[id='chat/fields/seed']")
    playwright.expect(row).to_have_attribute("open", "")
    assert visit.page.url.endswith("#chat/fields/seed")
    playwright.expect(row).to_be_in_viewport()
    visit.page.go_back()
    assert visit.page.url.endswith("#chat/fields/stop/string")


def test_a_link_to_a_hidden_row_shows_it(opened: Open) -> None:
    visit = opened("one", "#?v=broken")
    assert visit.shown() == ["completions/fields/suffix"]
    visit.page.locator(".wrong a[href='#chat/fields/n']").first.click()
    playwright.expect(visit.page.locator("details[id='chat/fields/n']")).to_be_visible()
    assert len(visit.shown()) == ASKED


def test_what_is_not_counted_is_folded_until_a_link_leads_there(opened: Open) -> None:
    page = opened("uncounted").page
    folded = page.locator(".uncounted")
    playwright.expect(folded).not_to_have_attribute("open", "")
    playwright.expect(page.locator("output")).to_have_text("1 rows")
    page.evaluate("location.hash = 'operations/files/create'")
    playwright.expect(folded).to_have_attribute("open", "")
    playwright.expect(page.locator("[id='operations/files/create']")).to_be_in_viewport()


def test_a_count_leads_to_its_rows(opened: Open) -> None:
    visit = opened("one")
    visit.page.get_by_role("link", name="1 broken, /v1/completions").click()
    playwright.expect(visit.page.locator("output")).to_have_text(f"1 of {ROWS} rows")
    assert visit.shown() == ["completions/fields/suffix"]


def test_a_row_shows_control_and_treatment_with_the_difference_marked(opened: Open) -> None:
    page = opened("one", "#chat/fields/stop/string").page
    row = page.locator("details[id='chat/fields/stop/string']")
    sides = row.locator(".side")
    playwright.expect(sides).to_have_count(2)
    assert sides.nth(0).locator("mark").count() == 0
    assert sides.nth(1).locator("mark").all_inner_texts() == ['"stop": "st"']
    assert "there was a stone" in sides.nth(0).inner_text()
    assert '"big": 12345678901234567890' in sides.nth(1).inner_text()
    assert '"number": 1.0' in sides.nth(1).inner_text()
    assert "Status 200 in 0.50 s" in sides.nth(1).inner_text()


def test_a_stream_is_drawn_with_its_times(opened: Open) -> None:
    page = opened("one", "#chat/fields/stop/stream").page
    box = page.locator("details[id='chat/fields/stop/stream'] .side").nth(1)
    assert box.locator("svg .tick").count() == 5
    assert box.locator("svg").get_attribute("aria-label") == "5 events in 1.00 seconds, the first after 0.10"
    assert box.locator(".events time").all_inner_texts() == ["0.100 s", "0.200 s", "0.300 s", "0.400 s", "0.500 s"]
    assert box.locator(".events li").nth(1).inner_text().split("\n")[-1].strip("…") == " upon"
    box.get_by_role("button", name="Whole events").click()
    assert (
        '{"id": "c1", "choices": [{"delta": {"content": " upon"}}]}' in box.locator(".events li").nth(1).inner_text()
    )


@pytest.mark.parametrize("clipboard", [True, False])
def test_the_curl_is_copied(opened: Open, clipboard: bool) -> None:
    page = opened("one", "#chat/fields/stop/string").page
    if not clipboard:  # as on a page that came over plain HTTP
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }")
    page.locator("details[id='chat/fields/stop/string'] .side").nth(1).get_by_role("button", name="Copy curl").click()
    playwright.expect(page.locator(".said")).to_have_text("The curl command was copied.")
    assert page.evaluate("navigator.clipboard.readText()") == format_curl(STOP)


def test_a_copied_curl_holds_no_hidden_character(opened: Open) -> None:
    page = opened("one", "#chat/fields/stop/quoted").page
    page.locator("details[id='chat/fields/stop/quoted'] .side").nth(1).get_by_role("button", name="Copy curl").click()
    playwright.expect(page.locator(".said")).to_have_text("The curl command was copied.")
    assert page.evaluate("navigator.clipboard.readText()") == format_curl(QUOTED).replace("\u202e", "\\u202e")


def test_by_keyboard_alone(opened: Open) -> None:
    visit = opened("one")
    keys = visit.page.keyboard
    keys.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "To the matrix"
    keys.press("Enter")
    keys.press("/")
    assert visit.page.evaluate("document.activeElement.name") == "q"
    keys.type("suffix")
    assert visit.shown() == ["completions/fields/suffix"]
    keys.press("Tab")
    keys.press("Tab")
    assert visit.page.evaluate("document.activeElement.value") == "supported"
    for _ in range(12):
        keys.press("Tab")
        if visit.page.evaluate("document.activeElement.matches('.row > summary')"):
            break
    keys.press("Enter")
    assert visit.page.locator("details[id='completions/fields/suffix']").evaluate("row => row.open")
    outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_dark_and_light(opened: Open) -> None:
    for name in PAGES:
        page = opened(name).page
        for scheme, bright in (("light", True), ("dark", False)):
            page.emulate_media(color_scheme=scheme)
            color = page.evaluate("getComputedStyle(document.body).backgroundColor")
            levels = [int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
            assert all((level > 200) is bright for level in levels)


def test_print_is_light_and_whole(opened: Open) -> None:
    visit = opened("one", "#chat/fields/stop/string", color_scheme="dark")
    visit.page.emulate_media(media="print")
    assert visit.page.is_hidden(".filters")
    assert visit.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')") == "#1b1f23"
    assert len(visit.shown()) == ASKED
    assert visit.page.locator("mark").first.is_visible()
    assert visit.page.evaluate("getComputedStyle(document.querySelector('.row')).contentVisibility") == "visible"
    assert len(visit.page.pdf()) > 10_000


def test_without_scripts(opened: Open) -> None:
    visit = opened("one", java_script_enabled=False)
    assert visit.page.locator(".row").count() == ROWS
    assert visit.page.is_hidden(".filters")
    assert visit.page.is_visible("noscript p")
    visit.page.locator("details[id='chat/fields/n'] > summary").click()
    assert visit.page.is_visible("text=why it is ignored >> nth=-1")


def test_a_hostile_server_gets_nothing_run(opened: Open) -> None:
    for name in PAGES:
        visit = opened(name)
        visit.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        visit.page.wait_for_timeout(50)
        visit.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        visit.page.wait_for_timeout(50)
        assert visit.page.evaluate("window.pwned") is None
        assert visit.page.locator("img, iframe, form:not(.filters)").count() == 0
        if name in ("evil", "index", "compare"):
            assert "\\u202e" in visit.page.inner_text("body")


HOSTILE_PARTS = (
    "</script><script>window.pwned=1</script>",
    "\\u001b[31mred",
    "\\u202eevil",
    "\\u0000",
    "\\ud800",
    "😀",
    "Cut: it has 1,000,000 bytes. The whole is in exchanges.jsonl",
    "bytes that are not UTF-8",
    "timeout",
    "a line that is no field: odd",
    "The SDK raised APIError",
)


def test_hostile_answers_are_shown_whole_and_visibly(opened: Open) -> None:
    visit = opened("evil", "#chat/fields/stop")
    visit.page.evaluate("document.querySelectorAll('.x details').forEach(each => { each.open = true })")
    playwright.expect(visit.page.locator(".side")).to_have_count(13)
    text = visit.page.inner_text("#chat\\/fields\\/stop")
    for part in HOSTILE_PARTS:
        assert part in text
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_policy_stops_what_is_not_the_page_s_own(browser: Any, files: dict[str, Path]) -> None:
    page = browser.new_page()
    page.goto(files["one"].as_uri())
    page.evaluate("""() => {
        const add = (name, more) => document.body.append(Object.assign(document.createElement(name), more));
        add('script', { textContent: 'window.pwned = 1' });
        add('img', { src: 'http://127.0.0.1:9/x.png' });
        document.body.insertAdjacentHTML('beforeend', '<b id="b" onclick="pwned = 1" style="color: red">b</b>');
        document.getElementById('b').click();
    }""")
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("getComputedStyle(document.getElementById('b')).color") != "rgb(255, 0, 0)"
    page.close()


def test_nothing_is_wider_than_the_screen(opened: Open) -> None:
    for name in PAGES:
        page = opened(name).page
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        for width in (1280, 400, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(opened: Open, name: str) -> None:
    page = opened(name, "#chat/fields/stop").page
    # Contents that are skipped while they are out of sight have no colour to check.
    page.evaluate("document.querySelectorAll('.row').forEach(row => { row.style.contentVisibility = 'visible' })")
    for scheme, viewport in (("light", PHONE), ("light", DESK), ("dark", DESK)):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        results = axe.Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


def test_the_comparison_shows_differences_first(opened: Open) -> None:
    page = opened("compare").page
    different = page.locator(".matrix tbody tr[id]:visible").count()
    assert 0 < different < ROWS
    page.get_by_label("also rows without a difference").check()
    assert page.locator(".matrix tbody tr[id]:visible").count() == ROWS
    assert page.url.endswith("#?all=1")
    page.get_by_label("Find").fill("seed")
    assert page.locator(".matrix tbody tr[id]:visible").count() == 1


def test_the_index_leads_to_the_proof(opened: Open) -> None:
    page = opened("index").page
    assert page.locator("tr[id='chat/fields/n'] td").count() == 2
    page.locator("a[href='one/index.html#chat/fields/n']").click()
    page.wait_for_url("**/one/index.html#chat/fields/n")
    assert page.locator("details[id='chat/fields/n']").evaluate("row => row.open")


def test_a_thousand_rows_open_in_a_second(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "large.html"
    file.write_text(page_of(*many(rows=1000, exchanges=400, size=30_000)))
    page = browser.new_page(viewport=DESK)
    session = page.context.new_cdp_session(page)
    # Ticks of the page's own thread: how busy the machine is does not count.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(file.as_uri(), wait_until="load")
    page.wait_for_timeout(200)
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert page.locator(".row").count() == 1000
    page.close()
    size = file.stat().st_size
    print(f"1,000 rows, {size:,} bytes: {metrics['TaskDuration']:.2f} s of work, {loaded / 1000:.2f} s by the clock")  # noqa: T201 - seen with -s
    assert metrics["TaskDuration"] < 1
