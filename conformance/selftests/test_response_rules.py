"""The rules of /v1/responses: each fault reddens the rows that it belongs to and no other, and what is legal none."""

from __future__ import annotations

import gc
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.response_stream import ERROR, KINDS, LIFECYCLE
from conformance.judge.rules.registry import Rule
from conformance.wire.exchange import Call, SdkResult

from .response_events import (
    BOTH,
    CALL,
    SPEECH,
    TEXT,
    THOUGHT,
    call,
    compact,
    function_call,
    message,
    stream,
    text_part,
    thoughts,
    write,
)
from .response_rule_pairs import ECHOES, SAID, TWICE, echoed, plain
from .response_spoiled import FAULTS, LEGAL
from .rule_samples import JSON_HEAD, NOW, Sample

RULES: dict[str, Rule] = {
    row.id: row.rule
    for row in load_catalog().values()
    if isinstance(row.rule, Rule) and row.id.startswith(("responses/", "errors/")) and "/schema" not in row.id
}
"""The rules of the endpoint but those of its schemas, and those of errors."""


STREAM_RULES = {row: rule for row, rule in RULES.items() if row.startswith("responses/stream/")}


def found(*samples: Sample) -> dict[str, Verdict]:
    """Row, without the endpoint -> verdict, of the rules that some answers can test."""
    exchanges = [sample.exchange() for sample in samples]
    verdicts = {row.removeprefix("responses/"): rule(exchanges).verdict for row, rule in RULES.items()}
    return {row: verdict for row, verdict in verdicts.items() if verdict is not Verdict.INCONCLUSIVE}


def broken(*samples: Sample) -> set[str]:
    """The rows, without the endpoint, of the rules that some answers break."""
    unbroken = (Verdict.SUPPORTED, Verdict.NOT_APPLICABLE)
    return {row for row, verdict in found(*samples).items() if verdict not in unbroken}


def kept(*samples: Sample) -> set[str]:
    """The rows, without the endpoint, of the rules that some answers keep."""
    return {row for row, verdict in found(*samples).items() if verdict is Verdict.SUPPORTED}


# Streams


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_of_a_stream_breaks_the_rows_that_it_belongs_to_and_no_other(fault: str) -> None:
    sample, due = FAULTS[fault]
    assert broken(sample) == {f"stream/{row}" for row in due}


@pytest.mark.parametrize("name", LEGAL)
def test_what_is_legal_breaks_no_rule(name: str) -> None:
    assert broken(LEGAL[name]) == set()


OF_EVERY_STREAM = {
    "content_type", "framing", "event_names", "sequence_number", "created_first", "lifecycle_response",
    "lifecycle_response/details", "usage", "empty_output", "terminal", "output_order", "utf8",
}  # fmt: skip
OF_ITEMS = OF_EVERY_STREAM | {"items_paired", "indices", "deltas_join"}


def test_an_honest_stream_keeps_the_rules_that_it_can_test() -> None:
    cases = {
        "nothing": (stream(), OF_EVERY_STREAM),
        "text": (SPEECH, OF_ITEMS | {"parts_paired"}),
        "a call": (CALL, OF_ITEMS | {"function_call_arguments"}),
        "both": (BOTH, OF_ITEMS | {"parts_paired", "function_call_arguments", "text_beside_call"}),
        "thoughts": (THOUGHT, OF_ITEMS | {"parts_paired", "reasoning", "reasoning/parts"}),
    }
    for name, (events, due) in cases.items():
        assert {row for row in kept(write(events)) if row.startswith("stream/")} == {
            f"stream/{row}" for row in due
        }, name


def test_what_no_stream_can_show_is_not_applicable() -> None:
    asked = write(SPEECH, include=["message.output_text.logprobs"])
    rows = {
        f"stream/{row}"
        for row in ("error_in_stream", "function_call_arguments", "logprobs", "reasoning", "reasoning/parts",
                    "text_beside_call")
    }  # fmt: skip
    echoes = {"response/echo/max_output_tokens", "response/echo/temperature"}
    assert {row for row, verdict in found(asked).items() if verdict is Verdict.NOT_APPLICABLE} == rows | echoes
    assert "stream/logprobs" not in found(write(SPEECH))
    rows = {f"response/{row}" for row in ("function_call", "reasoning", "thoughts_apart", "usage/reasoning_tokens")}
    assert {row for row, verdict in found(SAID).items() if verdict is Verdict.NOT_APPLICABLE} == rows | echoes


def test_what_a_stream_tells_of_its_request_at_its_end_is_judged_too() -> None:
    assert "response/echo/parallel_tool_calls" in kept(write(SPEECH, parallel_tool_calls=True))
    assert broken(write(SPEECH, parallel_tool_calls=False)) == {"response/echo/parallel_tool_calls"}
    assert broken(write(SPEECH[:5], parallel_tool_calls=False)) == {"stream/terminal"}


def test_a_stream_that_was_left_early_is_not_judged() -> None:
    left = write(SPEECH[:5])
    aborted = replace(left, call=replace(left.call, abort_after_events=5))
    assert broken(left) == {"stream/terminal"}
    assert found(aborted).keys() <= {"errors/response/no_5xx", "errors/response/no_error_in_200"}


def test_a_stream_that_the_sdk_could_not_read_on_is_judged_as_far_as_it_tells_of_its_failure() -> None:
    left, failed = write(SPEECH[:5]).exchange(), write([*SPEECH[:5], {"type": "error", "message": 7}]).exchange()
    raised = SdkResult(exception="APIError")
    rows = {"responses/stream/terminal": left, "responses/stream/error_in_stream": failed}
    assert {RULES[row]([exchange]).verdict for row, exchange in rows.items()} == {Verdict.BROKEN}
    assert RULES["responses/stream/terminal"]([replace(left, sdk_result=raised)]).verdict is Verdict.INCONCLUSIVE
    assert RULES["responses/stream/error_in_stream"]([replace(failed, sdk_result=raised)]).verdict is Verdict.BROKEN
    torn = replace(left, chunks=((0.1, left.text[:-9]),))
    by_helper = replace(torn, call=replace(torn.call, transport="sdk_stream"), sdk_result=raised)
    framing = RULES["responses/stream/framing"]
    assert [framing([each]).verdict for each in (torn, by_helper)] == [Verdict.BROKEN, Verdict.INCONCLUSIVE]


def test_an_answer_that_is_no_stream_belongs_to_the_rows_about_its_type() -> None:
    unstreamed = replace(SAID, call=call(stream=True))
    assert broken(unstreamed) == {"stream/content_type", "stream/framing"}


def test_a_fault_that_a_text_alone_shows_too_is_not_that_of_a_text_beside_a_call() -> None:
    events = [event for event in BOTH if event["type"] != "response.output_item.done"]
    alone = [event for event in SPEECH if event["type"] != "response.output_item.done"]
    assert broken(write(events)) == {"stream/items_paired", "stream/text_beside_call"}
    assert "stream/text_beside_call" in kept(write(events), write(alone, input="Ho"))


def test_a_text_that_ends_where_its_limit_does_is_only_cut_where_more_would_have_come() -> None:
    longer = message(text_part("One two three four"))
    more = plain(longer, asked={"max_output_tokens": 24})
    assert broken(write(SPEECH), more) & {"stream/terminal"}
    same = plain(TEXT, asked={"max_output_tokens": 24})
    other_request = plain(longer, asked={"max_output_tokens": 24, "input": "Ho"})
    other_text = plain(message(text_part("Two")), asked={"max_output_tokens": 24})
    sampled = plain(longer, asked={"max_output_tokens": 24, "temperature": 1})
    unsteady = plain(longer)
    for innocent in (same, other_request, other_text, sampled, unsteady):
        assert "stream/terminal" in kept(write(SPEECH), innocent)
    assert "stream/terminal" not in broken(write(SPEECH, temperature=1), sampled)
    early = change_usage(SPEECH, 12)
    assert "stream/terminal" in kept(write(early), more)


def change_usage(events: list[dict[str, Any]], written: int) -> list[dict[str, Any]]:
    text = json.dumps(events).replace('"output_tokens": 16', f'"output_tokens": {written}')
    again: list[dict[str, Any]] = json.loads(text.replace('"total_tokens": 21', f'"total_tokens": {5 + written}'))
    return again


def test_half_a_character_is_allowed_at_the_end_of_a_text_that_the_limit_cut() -> None:
    halves = {"One two\ufffd": True, "One\ufffd two": False}
    for text, is_legal in halves.items():
        cut = write(stream(message(text_part(text), status="incomplete"), end="incomplete"))
        assert broken(cut) == (set() if is_legal else {"stream/utf8"})
        assert broken(write(stream(message(text_part(text))))) == {"stream/utf8"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
    | st.sampled_from(("msg_1", "message", "reasoning", "function_call", "completed", "incomplete", "resp_1")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((
        "id", "type", "status", "content", "summary", "text", "output", "usage", "arguments", "logprobs", "token",
        "error", "message", "model", "created_at",
    )), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
MEMBERS = (
    "output_index", "content_index", "summary_index", "item_id", "item", "part", "delta", "text", "arguments",
    "response", "sequence_number", "logprobs", "error",
)  # fmt: skip
TYPES = st.sampled_from(
    (*KINDS, *sorted(LIFECYCLE), ERROR, "response.output_item.added", "response.output_item.done", "x:y")
)
EVENTS = st.lists(
    st.builds(
        lambda kind, rest: rest if kind is None else {"type": kind, **rest},
        TYPES | st.none() | JSON,
        st.dictionaries(st.sampled_from(MEMBERS), st.integers(0, 2) | st.just("msg_1") | JSON, max_size=6),
    )
    | JSON,
    max_size=12,
)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(events=EVENTS)
def test_no_events_make_a_rule_raise(events: list[Any]) -> None:
    blocks = "".join(f"event: x\ndata: {compact(event)}\n\n" for event in events)
    asked = call(stream=True, include=["message.output_text.logprobs"])
    exchange = replace(write(SPEECH), call=asked).exchange()
    exchange = replace(exchange, chunks=((0.1, blocks),))
    for row, rule in RULES.items():
        assert rule([exchange]).row == row


@settings(deadline=None, derandomize=True, max_examples=200)
@given(body=JSON, asked=st.dictionaries(st.sampled_from(sorted(ECHOES)), JSON, max_size=4))
def test_no_response_makes_a_rule_raise(body: Any, asked: dict[str, Any]) -> None:
    exchange = Sample(call=call(**asked), wire=JSON_HEAD + compact(body)).exchange()
    told = Sample(call=call(**asked), wire=JSON_HEAD + compact(asked)).exchange()
    for row, rule in RULES.items():
        assert rule([exchange, told]).row == row


def of_length(kind: str, count: int) -> list[Any]:
    """So many events of a kind, of which each could be compared with every other."""
    at = {"item_id": "m", "output_index": 0, "content_index": 0}
    part = {"type": "response.content_part.added", **at}
    delta = {"type": "response.output_text.delta", **at, "delta": "x", "logprobs": [{"token": "x"}]}
    begun = {"type": "response.output_item.added", "output_index": 0, "item": {"id": "m", "type": "message"}}
    ended = {"type": "response.output_item.done", "output_index": 0, "item": {"id": "m", "type": "message"}}
    parts = [{**part, "content_index": place} for place in range(count)]
    kinds: dict[str, list[Any]] = {
        "deltas": [begun, *[delta] * count],
        "parts without an index": [begun, *[{**part, "content_index": None}] * count],
        "items and parts": [{**begun, "item": {"type": "message"}}, *parts, *[ended] * count],
        "wholes": [delta, *[{**delta, "type": "response.output_text.done", "text": "x"}] * count],
        "items at one index": [{**begun, "item": {"type": "function_call"}}] * count,
        "items without an index": [{**begun, "output_index": None, "item": {"type": "reasoning"}}] * count,
        "ids": [{**ended, "item": {"id": f"{n}"}} for n in range(count)],
        "ends": [{"type": "response.completed", "response": {"id": "r", "output": []}}] * count,
    }  # fmt: skip
    return [*kinds[kind], {"type": "response.completed", "response": {"output": [ended["item"]] * count}}]


LONG = (
    "deltas", "parts without an index", "items and parts", "wholes", "items at one index", "items without an index",
    "ids", "ends",
)  # fmt: skip


def seconds_of_rules(kind: str, count: int) -> float:
    """Process time of the rules over so many events, without that of collecting what other tests left behind."""
    exchange = write(of_length(kind, count), include=["message.output_text.logprobs"]).exchange()
    assert len(exchange.events) > count
    gc.disable()
    try:
        begun = time.process_time()
        found = [rule([exchange]).row for rule in STREAM_RULES.values()]
        took = time.process_time() - begun
    finally:
        gc.enable()
    assert found == list(STREAM_RULES)
    return took


@pytest.mark.parametrize("kind", LONG)
def test_rules_take_a_time_that_is_linear_in_the_events(kind: str) -> None:
    """The shortest of three rounds each, in turns, so that a busy machine slows both alike."""
    rounds = [(seconds_of_rules(kind, 150), seconds_of_rules(kind, 1500)) for _ in range(3)]
    short, long = (min(times) for times in zip(*rounds, strict=True))
    assert long < 20 * short  # a hundred times as long, were it quadratic


# Responses


def test_an_honest_response_keeps_the_rules_that_it_can_test() -> None:
    due = {
        "status", "error_and_incomplete_details", "created_at", "completed_at", "usage", "ids/prefixes", "model",
        "content_type",
    }  # fmt: skip
    cases = {
        "text": (plain(TEXT), {"message", "special_tokens"}),
        "a call": (plain(function_call()), {"function_call"}),
        "thoughts": (plain(thoughts("I"), TEXT), {"message", "reasoning", "special_tokens", "thoughts_apart",
                                                  "usage/reasoning_tokens", "items/unique"}),
    }  # fmt: skip
    for name, (sample, more) in cases.items():
        rows = {row for row in kept(sample) if row.startswith("response/")}
        echoes = {"echo/max_output_tokens", "echo/temperature"} & {row.removeprefix("response/") for row in rows}
        assert rows == {f"response/{row}" for row in due | more | echoes}, name


LEGAL_RESPONSES = {
    "without usage details": plain(TEXT, usage={"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}),
    "in the background": plain(status="queued", asked={"background": True}, background=True),
    "in progress": plain(status="in_progress", asked={"background": True}),
    "cancelled": plain(status="cancelled"),
    "failed": plain(status="failed"),
    "cut": plain(message(text_part("One"), status="incomplete"), status="incomplete"),
    "cut before the first word": plain(message(status="incomplete"), status="incomplete"),
    "cut in a call": plain(function_call('{"c', status="incomplete"), status="incomplete"),
    "nothing said": plain(),
    "no `completed_at`": Sample(call=SAID.call, wire=SAID.wire.replace('"completed_at":', '"other":')),
    "a fraction of a second": Sample(call=SAID.call, wire=SAID.wire.replace(f'_at":{NOW},', f'_at":{NOW}.75,')),
    "thoughts hidden": plain({**thoughts(), "encrypted_content": "zq"}, TEXT),
    "thoughts without content": plain({"type": "reasoning", "id": "rs_1", "summary": []}, TEXT),
    "a call without an id": plain({**function_call(), "id": None}),
    "a hosted tool": plain({"type": "web_search_call", "id": "ws_1", "status": "completed"}, TEXT),
    "a vendor's item": plain({"type": "acme:thing"}, TEXT),
    "a vendor's part": plain(message(text_part("One"), {"type": "acme:thing"})),
    "equal counts": (SAID, replace(TWICE, wire=SAID.wire.replace("_1", "_2"))),
}  # fmt: skip


@pytest.mark.parametrize("name", LEGAL_RESPONSES)
def test_a_legal_response_breaks_no_rule(name: str) -> None:
    samples = LEGAL_RESPONSES[name]
    assert broken(*(samples if isinstance(samples, tuple) else (samples,))) == set()


def test_half_a_call_at_the_limit_belongs_to_the_row_of_the_limit() -> None:
    half = function_call('{"city":')
    assert found(plain(half))["response/function_call"] is Verdict.NOT_APPLICABLE
    assert broken(plain(half, asked={"max_output_tokens": 48})) == {"response/function_call"}
    assert broken(plain({**half, "name": ""})) == {"response/function_call"}


def kept_in_a_conversation(sample: Sample) -> dict[str, Any]:
    return {**sample.call.body, "conversation": "conv_1"}


def test_what_goes_on_from_what_is_stored_may_count_more() -> None:
    more = replace(TWICE, wire=SAID.wire.replace('"input_tokens":5', '"input_tokens":3').replace(":21", ":19"))
    assert "response/usage/repeatable" in broken(SAID, more)
    both = [replace(each, call=replace(each.call, body=kept_in_a_conversation(each))) for each in (SAID, more)]
    assert "response/usage/repeatable" not in found(*both)


def test_requests_that_are_no_json_object_are_not_compared() -> None:
    raw = [Sample(call=Call(path="/responses", raw=text), wire=SAID.wire) for text in ("{", "[")]
    assert "response/usage/repeatable" not in found(*raw)


# Echoes

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": None}
LEGAL_ECHOES: tuple[tuple[str, Any, Any], ...] = (
    ("temperature", 0.1, 0.10000000149011612),
    ("temperature", 1, 1.0),
    ("instructions", "Be brief.", [{"type": "message", "role": "developer", "content": "Be brief."}]),
    ("text", {"format": {"type": "text"}}, {"format": {"type": "text"}, "verbosity": "medium"}),
    ("text", {"verbosity": "low"}, {"format": {"type": "text"}}),
    ("text", {}, {"format": {"type": "text"}}),
    ("reasoning", {"effort": "low"}, None),
    ("reasoning", {"effort": "low"}, {"effort": None, "summary": None}),
    ("reasoning", {"summary": "auto"}, {"effort": "medium", "summary": "detailed"}),
    ("tools", [TOOL], [{**TOOL, "strict": True, "parameters": {"type": "object", "additionalProperties": False}}]),
    ("tools", [{"type": "web_search"}], [{"type": "web_search_2025_08_26"}]),
    ("metadata", {"a": "1"}, {"a": "1", "added": "2"}),
    ("metadata", {}, None),
    ("conversation", {"id": "conv_1"}, {"id": "conv_1"}),
    ("previous_response_id", "resp_0", None),
    ("user", "zq", None),
    ("truncation", "zz", "disabled"),
    ("temperature", 3, 1),
    ("temperature", None, 1),
    ("max_output_tokens", 1, None),
    ("reasoning", {"effort": "zz"}, {"effort": "medium"}),
    ("tool_choice", "none", "auto"),
    ("tool_choice", {"type": "function", "name": "undeclared"}, "auto"),
    ("store", "zz", True),
)
"""Field, value sent, and what a server may tell of it: other spellings, defaults; of bad values, anything."""


@pytest.mark.parametrize(("field", "sent", "told"), LEGAL_ECHOES)
def test_a_legal_echo_breaks_no_rule(field: str, sent: Any, told: Any) -> None:
    assert broken(echoed(field, sent, told)) == set()


WRONG_ECHOES: tuple[tuple[str, Any, Any], ...] = (
    ("temperature", 0.5, True),
    ("temperature", 1, True),
    ("temperature", 0.5, "0.5"),
    ("parallel_tool_calls", False, 0),
    ("instructions", "Be brief.", ""),
    ("text", {"verbosity": "low"}, {"verbosity": "medium"}),
    ("tools", [TOOL], [{**TOOL, "name": "g"}]),
    ("metadata", {"a": "1"}, {"a": "2"}),
    ("conversation", "conv_1", {"id": "conv_2"}),
)


def test_a_choice_is_compared_where_there_are_tools() -> None:
    assert broken(echoed("tool_choice", "none", "auto", tools=[TOOL])) == {"response/echo/tool_choice"}
    assert broken(echoed("tool_choice", "none", "none", tools=[TOOL])) == set()
    undeclared = {"type": "function", "name": "g"}
    assert broken(echoed("tool_choice", undeclared, "auto", tools=[TOOL])) == set()


@pytest.mark.parametrize(("field", "sent", "told"), WRONG_ECHOES)
def test_a_wrong_echo_breaks_the_row_of_its_field_and_no_other(field: str, sent: Any, told: Any) -> None:
    assert broken(echoed(field, sent, told)) == {f"response/echo/{field}"}


def test_a_field_that_no_response_tells_is_not_applicable() -> None:
    silent = plain(TEXT, asked={"store": True})
    assert found(silent)["response/echo/store"] is Verdict.NOT_APPLICABLE
    assert "response/echo/store" not in found(plain(TEXT))
