"""The pages as text: what stands in them, and that nothing a server said is ever markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from conformance.report.headline import summarize_endpoints
from conformance.report.html.overview import render_overview
from conformance.report.html.page import MAX_PAGE_BYTES, render_page
from conformance.report.html.pairs import pair_requests
from conformance.report.html.side_by_side import render_comparison
from conformance.report.render.explain import format_curl
from conformance.report.text import escape_invisible, format_data_block

from .page_elements import Elements, words
from .page_material import (
    ALL,
    CONTROL,
    HOSTILE_EXCHANGES,
    LONG_LINE,
    QUOTED,
    STOP,
    STREAM,
    body,
    exchange,
    hostile,
    known,
    many,
    ordinary,
    report,
    row,
)

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def data_of(document: str) -> Any:
    return json.loads(Elements(document).inside["script"][0])


def rows_of(document: str) -> list[str | None]:
    return [each["id"] for each in Elements(document).all("details") if "row" in (each.get("class") or "")]


# The page of a report


def test_what_is_wrong_stands_before_the_matrix() -> None:
    text = words(render_page(ordinary(), ALL))
    places = [text.index(part) for part in (
        "ollama 0.5.1", "chat: of 3 request fields 1 supported, 1 partial, 1 silently ignored", "Models",
        "Rows by verdict", "does what is documented", "Where the documentation is wrong", "Claimed but not there 1",
        "There but not claimed 1", "Against the baseline", "Regressions 1", "was supported; one choice came",
        "Matrix",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "2026-11-21 07:45 UTC by openai-conformance 0.1.0, openai 3.52.0" in text
    assert "7 requests, 30 generated tokens" in text


def test_rows_keep_the_order_of_the_report_and_can_be_linked() -> None:
    made = ordinary()
    document = render_page(made, ALL)
    own = [each["id"] for each in made["rows"]]
    assert sorted(map(str, rows_of(document))) == sorted(own)
    documented = [name for name in own if name.startswith("chat/fields/")]
    assert [name for name in rows_of(document) if name in documented] == documented
    addresses = {each["href"] for each in Elements(document).all("a") if "href" in each}
    assert {f"#{name}" for name in own} <= addresses
    assert "#?v=ignored&e=chat" in addresses


def test_a_row_is_readable_without_scripts() -> None:
    text = words(render_page(ordinary(), ALL))
    assert "why it is broken" in text
    assert "Evidence effect: seen on the wire" in text
    assert "Severity must: a named client or the SDK breaks without it" in text
    assert "Documentation claims it, and is wrong" in text
    assert 'treatment ( stop: "st") 200 in 0.50 s' in text
    assert "Filters and exchanges need JavaScript" in text


def test_counts_are_counts_and_no_score() -> None:
    document = render_page(ordinary(), ALL)
    assert "%" not in words(document)
    labels = {each.get("aria-label") for each in Elements(document).all("a")}
    assert "3 supported in all" in labels
    assert "1 ignored, /v1/chat/completions" in labels


def test_only_own_scripts_and_styles_may_run() -> None:
    elements = Elements(render_page(hostile(), known(*HOSTILE_EXCHANGES)))
    policy = next(each["content"] for each in elements.all("meta") if each.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for tag, text in (("style", elements.inside["style"][0]), ("script", elements.inside["script"][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert [each.get("type") for each in elements.all("script")] == ["application/json", None]


def test_it_loads_nothing() -> None:
    elements = Elements(render_page(ordinary(), ALL))
    assert not {"link", "img", "iframe", "object", "embed", "base", "video", "audio"} & {
        tag for tag, _ in elements.found
    }
    assert not [attributes for _, attributes in elements.found if "src" in attributes or "style" in attributes]
    assert "url(" not in elements.inside["style"][0]
    assert "@import" not in elements.inside["style"][0]


@pytest.mark.parametrize("made", [
    render_page(hostile(), known(*HOSTILE_EXCHANGES)),
    render_comparison([hostile(), ordinary()]),
    render_overview({"<b>\u202e": hostile(), "o": ordinary()}),
], ids=["page", "compare", "overview"])  # fmt: skip
def test_nothing_a_server_said_is_markup(made: str) -> None:
    elements = Elements(made)
    assert "img" not in {tag for tag, _ in elements.found}
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert not [each for each in elements.all("a") if (each.get("href") or "").lower().startswith("javascript")]
    assert not UNSEEN.search(made)
    assert "\\u202e" in elements.text
    assert "\\u001b[31mred" in elements.text
    assert made.encode()


def test_what_is_hidden_is_shown_as_json_has_it() -> None:
    text = "a\x00\x1b\u202e\ud800\U000e0041é\n\t漢字 😀"
    assert escape_invisible(text) == "a\\u0000\\u001b\\u202e\\ud800\\udb40\\udc41é\n\t漢字 😀"
    assert json.loads('"' + escape_invisible("\u202e\U000e0041") + '"') == "\u202e\U000e0041"


def test_data_cannot_end_its_block() -> None:
    value = {"</script>": ["<!--", "]]>", "&amp;", "\u2028", "\ud800"]}
    text = format_data_block(value)
    assert not set("<>&\u2028") & set(text)
    assert text.isascii()
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="float"):
        format_data_block({"a": float("inf")})


def test_an_exchange_stands_in_the_page_once() -> None:
    document = render_page(ordinary(), ALL)
    assert set(data_of(document)["exchanges"]) == set(ALL)
    assert document.count("there was a stone") == 1


def test_an_exchange_that_no_row_names_is_left_out() -> None:
    extra = exchange(body(seed=9), "nobody asked")
    assert render_page(ordinary(), {**ALL, **known(extra)}) == render_page(ordinary(), ALL)


def test_a_missing_exchange_is_no_fault() -> None:
    text = words(render_page(ordinary(), {}))
    assert "why it is partial" in text


def test_a_stream_keeps_its_events_and_their_times() -> None:
    record = data_of(render_page(ordinary(), ALL))["exchanges"][STREAM.id]
    said, times = [], []
    for at, start, end, fresh, *_ in record["events"]:
        before = said[-1] if said else ""
        said.append(before[:start] + fresh + (before[len(before) - end :] if end else ""))
        times.append(at)
    assert said == [event.data for event in STREAM.events]
    assert times == pytest.approx([event.seconds for event in STREAM.events])


def test_the_command_is_the_one_that_explain_prints() -> None:
    records = data_of(render_page(ordinary(), ALL))["exchanges"]
    for each in (CONTROL, STOP):
        quoted = "'" + records[each.id]["sent"].replace("'", "'\"'\"'") + "'"
        assert records[each.id]["curlHead"] + quoted == format_curl(each)
    assert "\\u202e" in records[QUOTED.id]["sent"]


def test_a_header_that_a_row_puts_there_is_in_the_command_and_a_key_of_the_user_is_not() -> None:
    own = replace(STOP.call, headers=(("authorization", "Bearer zz-nobody"),))
    sent = (("authorization", "Bearer [redacted]"),)
    wrong, right = (format_curl(replace(STOP, call=call, sent_headers=sent)) for call in (own, STOP.call))
    assert "-H 'authorization: Bearer zz-nobody'" in wrong
    assert "$OPENAI_API_KEY" not in wrong
    assert '-H "authorization: Bearer $OPENAI_API_KEY"' in right


def test_what_is_cut_says_how_large_it_is_and_where_the_whole_lies() -> None:
    record = data_of(render_page(hostile(), known(*HOSTILE_EXCHANGES)))["exchanges"]
    long = [each for each in record.values() if each.get("body", "").startswith("xxxx")]
    assert [each["bodySize"] for each in long] == [len(LONG_LINE)]
    streams = [each for each in record.values() if "events" in each and each.get("bodySize")]
    assert streams
    assert streams[0]["eventsInAll"] == 6


def test_a_full_run_stays_small() -> None:
    large = render_page(*many(rows=350, exchanges=400, size=30_000))
    assert len(large.encode()) <= 2_750_000
    records = data_of(large)["exchanges"]
    assert len(records) > 300
    assert all(record["bodySize"] > 29_000 for record in records.values() if record.get("bodySize"))
    assert MAX_PAGE_BYTES < 2_750_000


def test_the_same_report_gives_the_same_bytes() -> None:
    again = {name: ALL[name] for name in reversed(ALL)}
    assert render_page(ordinary(), ALL) == render_page(ordinary(), again)
    assert render_page(hostile(), known(*HOSTILE_EXCHANGES)) == render_page(hostile(), known(*HOSTILE_EXCHANGES))


def test_text_like_the_place_of_the_exchanges_stays_text() -> None:
    made = report([row("chat/fields/stop", reason="[exchanges]", exchanges=[CONTROL])], notes=["[exchanges]"])
    document = render_page(made, ALL)
    assert words(document).count("[exchanges]") >= 2
    assert list(data_of(document)["exchanges"]) == [CONTROL.id]


def test_rows_of_an_endpoint_that_is_not_known_come_last() -> None:
    made = report([row("zebra/fields/a"), row("chat/fields/stop")])
    assert rows_of(render_page(made, {})) == ["chat/fields/stop", "zebra/fields/a"]


# Which request is compared with which


def test_each_request_is_compared_with_the_nearest_before_it() -> None:
    other = body(messages=[{"role": "user", "content": "Another prompt."}])
    asked = [exchange(body()), exchange(body(), repetition=1), exchange(other), exchange({**other, "stop": "st"})]
    made = pair_requests(asked)
    assert [pair.control for pair in made] == [None, asked[0], asked[0], asked[2]]
    assert [pair.label for pair in made] == [
        "`POST /chat/completions`", "the same again", '`messages.0.content`: "Another prompt."', '`stop`: "st"'
    ]  # fmt: skip
    assert made[3].changed == (("stop",),)


def test_a_missing_field_and_another_type_are_differences() -> None:
    left = exchange(body(n=1, seed=1))
    right = exchange(body(n=True))
    pair = pair_requests([left, right])[1]
    assert set(pair.changed) == {("n",), ("seed",)}
    assert "without `seed`" in pair.label


# What stands at the head, and how rows are named


def test_an_endpoint_is_summed_up_by_its_whole_fields_and_the_errors_apart() -> None:
    made = report([
        row("chat/fields/stop", "partial"), row("chat/fields/stop/string"), row("chat/features/vision"),
        row("chat/fields/n", "ignored"), row("chat/fields/seed", "ignored"), row("chat/response/role", "broken"),
        row("models/features/list"), row("errors/chat/missing/model"), row("errors/chat/unknown_role", "ignored"),
        row("errors/response/envelope", "broken"), row("images/fields/n", "untested"),
        row("embeddings/fields/input", "untested"), row("embeddings/fields/user", "rejected"),
    ])  # fmt: skip
    assert list(map(str, summarize_endpoints(made))) == [
        "chat: of 3 request fields 1 partial, 2 silently ignored",
        "embeddings: of 2 request fields 1 was asked: 1 rejected",
        "errors: of 2 bad requests 1 refused as OpenAI does, 1 silently accepted",
    ]


def test_the_page_leads_to_its_files_and_to_the_index_where_there_is_one() -> None:
    addresses = [each.get("href") for each in Elements(render_page(ordinary(), ALL)).all("a")]
    files = {"../index.html", "matrix.md", "report.json", "exchanges.jsonl"}
    assert files <= set(addresses)
    partial = Elements(render_page({**ordinary(), "complete": False}, {})).all("a")
    assert {each.get("href") for each in partial} & files == {"matrix.md", "report.json"}


def test_a_level_of_errors_has_a_heading_and_its_fields_are_code() -> None:
    names = ["unknown_model", "missing/model", "wrong_type/logit_bias", "unknown_role", "out_of_range/n"]
    made = report([row(f"errors/chat/{name}", title=name.rpartition("/")[2].replace("_", " ")) for name in names])
    text = words(render_page(made, {})).partition("Errors Bad requests")[2]
    parts = ["unknown model", "unknown role", "A required field is missing", "model", "A value of the wrong type",
             "logit_bias", "A value out of range"]  # fmt: skip
    places = [text.index(part) for part in parts[:3]] + [text.index(part, text.index(parts[2])) for part in parts[3:]]
    assert places == sorted(places)
    assert "logit bias" not in text


def test_what_nobody_could_probe_is_untested_and_not_inapplicable() -> None:
    made = report([row("chat/fields/n", "not_applicable", reason="not probed yet"), row("chat/fields/stop")])
    document = render_page(made, {})
    verdicts = [each["data-v"] for each in Elements(document).all("details") if "data-v" in each]
    assert verdicts == ["untested", "supported"]
    assert "of 2 request fields 1 was asked: 1 supported" in words(document)
    labels = {each.get("aria-label") for each in Elements(document).all("a")}
    assert "1 untested in all" in labels
    assert "0 of 2 rows differ." in words(
        render_comparison([made, report([row("chat/fields/n"), row("chat/fields/stop")])])
    )


def test_what_clients_tolerate_is_paler() -> None:
    rows = [row("chat/fields/n", "broken"), row("chat/fields/stop", "broken", severity="should"),
            row("chat/fields/seed", "ignored", severity="should")]  # fmt: skip
    document = render_page(report(rows), {})
    badges = [each.get("class") for each in Elements(document[document.index('id="matrix"') :]).all("span")]
    own = [each for each in badges if each and each.startswith("v ") and "other" not in each]
    assert own[-3:] == ["v broken", "v broken should", "v ignored"]


def test_nothing_is_told_twice() -> None:
    probed = "probed by: conformance.probes.errors._row.<locals>.asked; probability of a false verdict: below 1e-5"
    text = words(render_page(report([row("chat/fields/n", probed=probed, chance="below 1e-5")]), {}))
    assert "Probed by conformance.probes.errors Row" in text
    assert text.count("below 1e-5") == 1
    assert "<locals>" not in text
