"""What a row of the page rests on: the exchange that decided, the parts of all, other rows, samples of rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.judge.catalog import load_catalog
from conformance.report.html.evidence import Entry, find_primary, list_entries
from conformance.report.html.page import Proof, prove_rows
from conformance.report.outline import list_parts
from conformance.report.render.explain import describe_probe
from conformance.wire.exchange import Call, Exchange

from .page_material import answer, body, chunk, exchange, known, row

SPARE = [{"role": "user", "content": "Another prompt."}]
PLAIN = exchange(body(max_tokens=24), answer("a"))
SHORT = exchange(body(max_tokens=1), answer("a"))
LONGER = exchange(body(max_tokens=25), answer("a"))
OTHER = exchange(body(messages=SPARE, max_tokens=24), answer("b"))


def raw(method: str, path: str, status: int = 200, **about: Any) -> Exchange:
    return Exchange(call=Call(method=method, path=path, **about), status=status, chunks=((0.1, "{}"),))


def after(bad: Exchange) -> Exchange:
    call = Call(path="/chat/completions", body=body(max_tokens=1), purpose="after_error", follows=bad.id)
    return Exchange(call=call, sent=SHORT.sent, status=200)


def opened(name: str, *exchanges: Exchange, verdict: str = "ignored", reason: str = "") -> tuple[Exchange, list[str]]:
    """The exchange that is opened with a row, and the parts that all of them play."""
    made = row(name, verdict, reason=reason, exchanges=exchanges)
    entries = list_entries(made, exchanges)
    primary = find_primary(made, entries)
    assert primary is not None
    return primary.diff.treatment, [entry.part for entry in entries]


def test_a_bad_request_is_opened_and_not_the_warm_up() -> None:
    bad = exchange(body(max_tokens=1, logit_bias="zz"), answer("a"))
    primary, parts = opened("errors/chat/wrong_type/logit_bias", PLAIN, SHORT, bad)
    assert primary is bad
    assert parts == ["control", "control", "bad request"]


def test_a_bad_request_that_was_refused_stands_between_its_plain_ones_and_a_valid_value() -> None:
    group = exchange(body(max_tokens=1, temperature="hot", seed="zz"), "{}", status=400)
    bad = exchange(body(max_tokens=1, temperature="hot"), "{}", status=400)
    valid = exchange(body(max_tokens=1, temperature=0.5), answer("a"))
    asked = (PLAIN, SHORT, group, after(group), bad, after(bad), valid)
    primary, parts = opened("errors/chat/wrong_type/temperature", *asked)
    assert primary is bad
    plain_after = "plain request right after"
    assert parts == ["control", "control", "request", plain_after, "bad request", plain_after, "valid value"]


def test_a_bad_request_that_nothing_follows_is_found_by_its_field() -> None:
    bad = exchange(body(max_tokens=1, seed="zz"), "{}", status=400)
    valid = exchange(body(max_tokens=1, seed=7), answer("a"))
    assert opened("errors/chat/wrong_type/seed", PLAIN, SHORT, bad, valid)[0] is bad
    missing = exchange({"model": "m", "max_tokens": 1}, "{}", status=400)
    other = exchange(body(max_tokens=1, seed=7), answer("a"))
    assert opened("errors/chat/missing/messages", PLAIN, SHORT, missing, other)[0] is missing
    assert opened("errors/chat/unknown_role", PLAIN, SHORT, bad, after(bad), other)[0] is bad
    limit = exchange({**body(), "stream": True, "max_tokens": -5}, answer("a"))
    assert opened("errors/chat/out_of_range/max_tokens", PLAIN, SHORT, limit)[0] is limit
    method = raw("GET", "/completions", 405)
    primary, parts = opened("errors/routes/wrong_method", PLAIN, SHORT, method)
    assert primary is method
    assert parts[-1] == "bad request"


def test_of_a_field_that_is_not_read_the_nonsense_is_opened() -> None:
    valid, nonsense, key = (
        exchange(body(max_tokens=1, **fields), answer("a"))
        for fields in ({"store": True}, {"store": 7}, {"zz_unknown": 1})
    )
    primary, parts = opened("chat/fields/store", PLAIN, SHORT, valid, nonsense, key)
    assert primary is nonsense
    assert parts == ["control", "control", "valid value", "nonsense", "an invented key"]


def test_the_first_request_that_sets_the_field_and_little_else_is_opened() -> None:
    far = exchange(body(max_tokens=16, n=1, stop="x"), answer("a"))
    near = exchange(body(max_tokens=24, n=2), answer("a"))
    again = exchange(body(max_tokens=24, n=2), answer("a"), repetition=1)
    primary, parts = opened("chat/fields/n", PLAIN, LONGER, OTHER, far, near, again)
    assert primary is near
    assert parts == ["control", "control", "spare prompt", "treatment", "treatment", "again"]


def test_another_prompt_is_no_treatment_of_messages() -> None:
    turns = exchange(
        body(messages=[*SPARE, {"role": "assistant", "content": "Hm."}, *SPARE], max_tokens=24), answer("c")
    )
    primary, parts = opened("chat/fields/messages/turns", PLAIN, LONGER, OTHER, turns)
    assert primary is turns
    assert parts == ["control", "control", "spare prompt", "treatment"]
    assert opened("chat/fields/messages/text", PLAIN, LONGER, OTHER)[0] is OTHER


def test_the_answer_whose_status_the_reason_names_is_opened() -> None:
    stored = exchange(body(max_tokens=24, store=True), answer("a"))
    fetched = raw("GET", "/chat/completions/c1", 404)
    primary, _ = opened("chat/fields/store", PLAIN, stored, fetched, reason="stored, and fetching it gives 404")
    assert primary is fetched
    assert opened("chat/fields/store", PLAIN, stored, fetched, reason="nothing is stored")[0] is stored


def test_of_a_broken_row_the_failure_is_opened() -> None:
    first = exchange(body(max_tokens=24, n=2), answer("a"))
    cut = exchange(body(max_tokens=24, n=3), "", failure="cut", status=None)
    assert opened("chat/fields/n", PLAIN, first, cut, verdict="broken", reason="the connection was cut")[0] is cut


def test_a_request_that_goes_another_way_is_told_so() -> None:
    asynchronous = Exchange(
        call=Call(path="/chat/completions", body=body(max_tokens=24), transport="sdk_async"),
        sent=PLAIN.sent,
        status=200,
    )
    made = row("clients/openai_python/async", exchanges=[PLAIN, asynchronous])
    labels = [entry.label for entry in list_entries(made, (PLAIN, asynchronous))]
    assert labels == ["control", "treatment (by the SDK's async client)"]


@pytest.mark.parametrize("sent", ["", "[]", "nope", "[" * 5000, '{"messages": 7, "n": {"a": []}}'])
def test_any_request_has_a_part(sent: str) -> None:
    odd = Exchange(call=Call(path="/chat/completions", raw=sent), sent=sent, status=None)
    for name in ("chat/fields/n", "errors/chat/missing/model", "errors/chat/wrong_type/n", "a/b/c"):
        for asked in ((odd,), (PLAIN, odd), (odd, PLAIN)):
            assert len(opened(name, *asked)[1]) == len(asked)


# Rows that follow from others


def test_a_derived_row_leads_to_its_parts_and_shows_no_exchange() -> None:
    catalog = load_catalog()
    name = "chat/fields/n"
    parts = [part for part in catalog if part.startswith(f"{name}/")]
    rows = [row(name, probed="; ".join(describe_probe(catalog[name])), exchanges=[PLAIN]), *map(row, parts)]
    proof = prove_rows(rows, known(PLAIN))[name]
    assert [part["id"] for part in proof.parts] == parts != []
    assert proof.entries == ()


def test_what_every_derived_row_follows_from_is_found() -> None:
    rows = {name: row(name, probed="; ".join(describe_probe(each))) for name, each in load_catalog().items()}
    for name, each in load_catalog().items():
        assert bool(list_parts(rows[name], rows)) is bool(each.derived_from), name


# Rules


def prove(name: str, *exchanges: Exchange, **fields: Any) -> Proof:
    return prove_rows([row(name, **fields)], known(*exchanges))[name]


def about(entry: Entry | None) -> tuple[str, list[str], tuple[int, ...]]:
    assert entry is not None
    return entry.diff.treatment.id, entry.faulty.split("\n"), entry.events


def test_a_rule_that_held_says_in_how_many_answers_and_shows_one() -> None:
    first, second = (exchange(body(seed=number), answer("Once upon a time")) for number in (1, 2))
    shorter = exchange(body(seed=3), answer("Once"))
    proof = prove("chat/response/role", first, second, shorter, reason="the rule held in every answer")
    assert proof.held == 3
    assert [entry.diff.treatment for entry in proof.entries] == [shorter]
    assert proof.entries[0].part == "an answer in which it held"


def test_a_rule_that_the_answers_break_is_not_said_to_hold() -> None:
    wrong = exchange(body(), json.dumps({"choices": [{"index": 0, "message": {"role": "zz", "content": "a"}}]}))
    assert prove("chat/response/role", wrong) == Proof()


def test_the_fault_of_a_rule_is_marked_in_the_answer() -> None:
    tokens = [{"token": "a", "logprob": -1.0, "bytes": None}]
    message = {"role": "assistant", "content": "a", "refusal": None}
    choice = {"index": 0, "logprobs": {"content": tokens}, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    rest = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
    whole, lacking = (
        exchange(body(n=number), json.dumps({**rest, "choices": each})) for number, each in ((1, []), (2, [choice]))
    )
    reason = "choices.*.logprobs.content.*.top_logprobs: is missing; and 1 other fault"
    asked = {"verdict": "broken", "reason": reason, "exchanges": [whole, lacking]}
    proof = prove("chat/response/schema", whole, lacking, **asked)
    assert about(proof.primary) == (lacking.id, ["choices/0/logprobs/content/0"], ())
    assert {entry.part for entry in proof.entries} == {"an answer that breaks the rule"}


def test_a_member_that_the_reason_names_is_marked_in_the_events_that_have_it() -> None:
    texts = [json.dumps(chunk("a")), json.dumps({**chunk("b"), "usage": {"total_tokens": 3}}), "[DONE]"]
    pieces = tuple((0.1, f"data: {text}\n\n") for text in texts)
    streamed = exchange(body(stream=True), chunks=pieces)
    proof = prove(
        "chat/stream/usage_last", streamed, verdict="broken", reason="`usage` comes early", exchanges=[streamed]
    )
    assert about(proof.primary) == (streamed.id, [""], (1,))


@pytest.mark.parametrize(
    "text", ["", "null", "[[[]]]", "[" * 3000, '{"a.b": {"*": 1}}', '{"choices": {"0": "logprobs"}}']
)
@pytest.mark.parametrize(
    "reason", ["choices.*.logprobs: is missing", "$: is null", "$.*.a: zz", "`a.b` is zz", "", "*: is missing"]
)
def test_any_answer_and_reason_have_a_place_or_none(text: str, reason: str) -> None:
    odd = exchange(body(), text)
    made = prove("chat/response/schema", odd, verdict="broken", reason=reason, exchanges=[odd])
    assert len(made.entries) == 1
