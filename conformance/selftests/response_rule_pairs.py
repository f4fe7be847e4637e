"""Pairs of the rules of /v1/responses: an honest answer, and the smallest change that breaks a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .response_events import (
    DEFAULTS,
    SPEECH,
    TEXT,
    call,
    compact,
    function_call,
    message,
    response,
    text_part,
    thoughts,
    write,
)
from .response_stream_pairs import pairs_of_streams
from .rule_samples import JSON_HEAD, NOW, Change, Pair, Sample, change

# Plain answers


def plain(*items: Any, status: str = "completed", asked: Mapping[str, Any] = {}, **members: Any) -> Sample:
    return Sample(call=call(**asked), wire=JSON_HEAD + compact(response(status, items, **members)))


SAID = plain(TEXT)
CALLED = plain(function_call(), function_call(name="fc_2"), asked={"max_output_tokens": 48})
THOUGHT_OF, APART = plain(thoughts("I", content=["think"])), plain(thoughts("I think"), TEXT)
FAILED, CUT = plain(status="failed"), plain(function_call('{"city":', status="incomplete"), status="incomplete")
AT, UNTIL = f'"created_at":{NOW}', f'"completed_at":{NOW + 1}'
NO_ERROR, NO_DETAILS = '"error":null', '"incomplete_details":null'
FAILURE = '"error":{"code":"server_error","message":"out of memory"}'
DETAILS = '"incomplete_details":{"reason":"max_output_tokens"}'
SUM = "`total_tokens` is not the sum of `input_tokens` and `output_tokens`"
DETAIL = "a detail of `usage` exceeds the count that it is part of"
HALF = "`arguments` of a completed call holds no JSON object"
UNEQUAL = "equal requests count different `input_tokens`"

RESPONSES: Mapping[str, tuple[tuple[Sample, Change], ...]] = {
    "schema": (
        (SAID, change("id: is missing", '"id":"resp_1",')),
        (SAID, change("output.*.content.*.text: is null, not a string", '"text":"One two three"', '"text":null')),
    ),
    "schema/details": (
        (plain(TEXT, **DEFAULTS), change("truncation: is missing", ',"truncation":"disabled"')),
    ),
    "model": ((SAID, change('`model` is "x", not the one asked for', '"model":"m"', '"model":"x"')),),
    "content_type": ((SAID, change('content-type is "text/html"', "application/json", "text/html")),),
    "status": (
        (SAID, change('the status is "done"', '"status":"completed","error"', '"status":"done","error"')),
        (
            SAID,
            change(
                "a completed response holds an item that is not",
                '"id":"msg_1","status":"completed"',
                '"id":"msg_1","status":"in_progress"',
            ),
        ),
    ),
    "error_and_incomplete_details": (
        (FAILED, change("a failed response has no `error` with code and message", FAILURE, NO_ERROR)),
        (FAILED, change("a failed response has no `error` with code and message", '"code":"server_error",')),
        (CUT, change("an incomplete response has no `incomplete_details` with a reason", DETAILS, NO_DETAILS)),
        (SAID, change("a response that did not fail has an `error`", NO_ERROR, FAILURE)),
        (SAID, change("a response that is not incomplete has `incomplete_details`", NO_DETAILS, DETAILS)),
    ),
    "created_at": (
        (SAID, change("`created_at` is no number", AT, '"created_at":null')),
        (SAID, change("`created_at` is not near now, in seconds", AT, f"{AT}000")),
        (SAID, change("`completed_at` is before `created_at`", UNTIL, f'"completed_at":{NOW - 1}')),
    ),
    "completed_at": (
        (SAID, change("a completed response has no `completed_at`", UNTIL, '"completed_at":null')),
        (CUT, change("a response that is not completed has `completed_at`", '"completed_at":null', UNTIL)),
    ),
    "usage": (
        (SAID, change("`usage` is missing or incomplete", ',"total_tokens":21')),
        (SAID, change(
            SUM, 'total_tokens":21', 'total_tokens":16'
        )),
        (SAID, change(DETAIL, '"cached_tokens":2', '"cached_tokens":6')),
        (SAID, change(
            DETAIL, '"reasoning_tokens":3', '"reasoning_tokens":17'
        )),
    ),
    "usage/reasoning_tokens": (
        (THOUGHT_OF, change(
            "a response shows thoughts, and `reasoning_tokens` is 0", '"reasoning_tokens":3', '"reasoning_tokens":0'
        )),
    ),
    "ids/prefixes": (
        (SAID, change("the id of a response does not begin with `resp_`", '"resp_1"', '"1"')),
        (SAID, change("the id of a `message` item does not begin with `msg_`", '"msg_1"', '"1"')),
        (CALLED, change("the id of a `function_call` item does not begin with `fc_`", '"fc_2"', '"call_2"')),
        (THOUGHT_OF, change("the id of a `reasoning` item does not begin with `rs_`", '"rs_1"', '"msg_1"')),
    ),
    "message": (
        (SAID, change('the role is "user"', '"assistant"', '"user"')),
        (SAID, change("a message has no content", compact([text_part("One two three")]), "[]")),
        (SAID, change("a message has no content", compact([text_part("One two three")]), '"One two three"')),
        (SAID, change("a part of a message has no text", '"text":"One two three"', '"text":null')),
        (SAID, change('a part of a message is of type "text"', '"output_text"', '"text"')),
    ),
    "function_call": (
        (CALLED, change("`call_id` is missing or repeated", '"call_id":"call_fc_1",')),
        (CALLED, change("`call_id` is missing or repeated", "call_fc_2", "call_fc_1")),
        (CALLED, change("a call has no name", '"name":"get_weather"', '"name":""')),
        (CALLED, change("`arguments` is no string", compact('{"city":"Rome"}'), '{"city":"Rome"}')),
        (CALLED, change(HALF, compact('{"city":"Rome"}'), '"Rome"')),
        (CUT, change(
            HALF, '"status":"incomplete"}]', '"status":"completed"}]'
        )),
    ),
    "reasoning": (
        (THOUGHT_OF, change("`summary` of thoughts is no list", '"summary":', '"other":')),
        (THOUGHT_OF, change("`content` of thoughts is no list", '[{"type":"reasoning_text","text":"think"}]', '"x"')),
        (THOUGHT_OF, change("a part of thoughts has no text", '"text":"think"', '"text":null')),
        (THOUGHT_OF, change("`encrypted_content` is no text", '"id":"rs_1"', '"id":"rs_1","encrypted_content":{}')),
    ),
    "special_tokens": (
        (SAID, change("the text holds <|im_end|>", "three", "three<|im_end|>")),
    ),
    "thoughts_apart": (
        (APART, change("a message holds the tags of thoughts", "One two", "<think>One</think> two")),
        (APART, change("a message holds the tags of thoughts", "One two", "<think>One two")),
    ),
}  # fmt: skip
"""Row -> honest answer and change."""

ANOTHER = plain(message(text_part("One"), name="msg_2"), asked={"input": "Ho"}, id="resp_2")
COUNTED = tuple(
    plain(message(text_part("One"), name=f"msg_{n}"), asked={"input": f"Ho {n}"}, id=f"resp_{n}")
    for n in range(1, 21)
)
TWICE = replace(SAID, call=replace(SAID.call, repetition=1))


def pairs_of_several_responses() -> Iterator[Pair]:
    """Yield the pairs of rules over all responses together."""
    same = change("two responses have the same id", "resp_2", "resp_1")
    yield "ids/unique", (SAID, ANOTHER), same
    yield "ids/unique", (ANOTHER, write(SPEECH)), change(same.reason, "resp_1", "resp_2", nth=2)
    shared = "items of two responses have the same id"
    yield "items/unique", (SAID, ANOTHER), change(shared, "msg_2", "msg_1")
    within = "two items of one response have the same id"
    yield "items/unique", (CALLED,), change(within, '"id":"fc_2"', '"id":"fc_1"')
    random = "ids are random numbers of at most 6 digits, which soon repeat"
    yield "ids/unique", COUNTED, change(random, "resp_20", "resp_900000")
    yield "items/unique", COUNTED, change(random, "msg_20", "msg_900000")
    yield "usage/repeatable", (SAID, TWICE), change(UNEQUAL, '"input_tokens":5', '"input_tokens":3')


# Echoes

TOOLS = [{"type": "function", "name": "f", "parameters": None, "strict": None}]
CHOICE = {"type": "function", "name": "f"}
JSON_TEXT = {"format": {"type": "json_schema", "name": "z", "schema": {}}, "verbosity": "low"}
ECHOES: Mapping[str, tuple[Any, Any, Any, Mapping[str, Any]]] = {
    "background": (True, True, False, {}),
    "conversation": ("conv_1", {"id": "conv_1"}, {"id": "conv_2"}, {}),
    "instructions": ("Be brief.", "Be brief.", None, {}),
    "max_output_tokens": (16, 16, None, {}),
    "max_tool_calls": (2, 2, None, {}),
    "metadata": ({"zq": "1"}, {"zq": "1"}, {}, {}),
    "parallel_tool_calls": (False, False, True, {}),
    "previous_response_id": ("resp_0", "resp_0", "resp_7", {}),
    "prompt_cache_key": ("zq", "zq", "x", {}),
    "prompt_cache_retention": ("in-memory", "in_memory", "24h", {}),
    "reasoning": ({"effort": "low"}, {"effort": "low", "summary": None}, {"effort": "medium"}, {}),
    "safety_identifier": ("zq", "zq", "x", {}),
    "store": (True, True, False, {}),
    "temperature": (0.5, 0.5, 1, {}),
    "text": (JSON_TEXT, {**JSON_TEXT, "other": 1}, {"format": {"type": "text"}}, {}),
    "tool_choice": (CHOICE, CHOICE, "auto", {"tools": TOOLS}),
    "tools": (TOOLS, [{**TOOLS[0], "strict": True, "description": None}], [], {}),
    "top_logprobs": (2, 2, 0, {}),
    "top_p": (0.001, 0.001, 1, {}),
    "truncation": ("auto", "auto", "disabled", {}),
    "user": ("zq", "zq", "x", {}),
}
"""Field -> what is sent, what is told of it, what is told wrongly, and which fields are sent along."""


def echoed(field: str, sent: Any, told: Any, **along: Any) -> Sample:
    """A request with a value of a field, and a response that tells one."""
    return plain(TEXT, asked={field: sent, **along}, **along, **{field: told})


def pairs_of_echoes() -> Iterator[Pair]:
    """Yield the pairs of the fields that a response repeats."""
    for field, (sent, told, wrong, along) in ECHOES.items():
        honest = echoed(field, sent, told, **along)
        reason = f"`{field}` of the response is not what was sent"
        yield f"echo/{field}", (honest,), change(reason, honest.wire, echoed(field, sent, wrong, **along).wire)


def response_pairs() -> Iterator[Pair]:
    """Yield the pairs of all rules of the endpoint but those of its schemas."""
    for name, several in RESPONSES.items():
        yield from ((f"responses/response/{name}", (sample,), each) for sample, each in several)
    for row, honest, each in (*pairs_of_several_responses(), *pairs_of_echoes()):
        yield f"responses/response/{row}", honest, each
    yield from ((f"responses/stream/{row}", honest, each) for row, honest, each in pairs_of_streams())
