"""Several reports as one table: the comparison, and the index of a folder."""

from __future__ import annotations

from conformance.report.html.overview import render_overview
from conformance.report.html.side_by_side import render_comparison

from .page_elements import Elements, words
from .page_material import ordinary, report, row, versions


def test_each_change_says_better_or_worse_and_what_was_seen_where() -> None:
    document = render_comparison(versions())
    text = words(document)
    assert "ollama 0.5.0 to 0.7.0" in text
    assert "1 worse, 0 better. 1 of 2 rows differ." in text
    assert "▲ better: ignored in 0.5.0, supported in 0.6.0" in text
    assert "▼ worse: supported in 0.6.0, broken in 0.7.0" in text
    assert "since" not in text
    lines = {each["id"]: each.get("class") for each in Elements(document).all("tr") if "id" in each}
    assert lines == {"chat/fields/n": None, "chat/fields/stop": "same"}
    turns = [each.get("class") for each in Elements(document).all("td")]
    assert [turn for turn in turns if turn in ("improvement", "regression")] == ["improvement", "regression"]


def test_worse_rows_come_first_and_of_them_those_that_must_be() -> None:
    seen = {
        "a": ("ignored", "supported"),
        "b": ("supported", "ignored"),
        "c": ("partial", "broken"),
        "d": ("broken",) * 2,
    }
    severity = {"b": "should"}
    one, two = (
        report([row(f"chat/fields/{n}", v[at], severity=severity.get(n, "must")) for n, v in seen.items()])
        for at in (0, 1)
    )
    document = render_comparison([one, two])
    order = [each["id"][-1] for each in Elements(document).all("tr") if each.get("id")]
    assert order == ["c", "b", "a", "d"]
    assert "2 worse, 1 better. 3 of 4 rows differ." in words(document)
    assert words(document).index("▼ Worse (2)") < words(document).index("▲ Better (1)")


def test_different_servers_have_no_history() -> None:
    one, two = versions()[:2]
    two["target"]["kind"] = "llama.cpp"
    text = words(render_comparison([one, two]))
    assert "What changed" not in text
    assert "worse" not in text.partition("Best to worst")[0]
    assert "1 of 2 rows differ." in text
    assert "ollama 0.5.0 and llama.cpp 0.6.0" in text


def test_a_row_that_a_report_does_not_know_is_named_so() -> None:
    old, new = (
        report([row("chat/fields/n")], version="1"),
        report([row("chat/fields/n"), row("chat/fields/zz")], version="2"),
    )
    text = words(render_comparison([old, new]))
    assert "no such row" in text
    assert "0 of 2 rows differ. Not every report has 1 of the rows." in text


def test_the_index_has_features_and_top_fields_newest_first() -> None:
    made = ordinary()
    document = render_overview({"a b": made, "c": versions()[2], "d": report(made["rows"], version="0.10.0")})
    names = [each["id"] for each in Elements(document).all("tr") if "id" in each]
    assert "chat/fields/stop" in names
    assert "chat/features/vision" in names
    assert "chat/fields/stop/string" not in names
    assert "errors/chat/missing/model" not in names
    addresses = [each["href"] for each in Elements(document).all("a")]
    assert [each for each in addresses if each and each.endswith("/index.html")] == [
        "d/index.html",
        "c/index.html",
        "a%20b/index.html",
    ]
    assert "a%20b/index.html#chat/fields/stop" in addresses
