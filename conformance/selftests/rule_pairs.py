"""For each rule row an honest exchange, and the smallest change of its bytes that breaks the rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

from conformance.probes.endpoints import RequestEndpoint
from conformance.probes.session import Session
from conformance.wire.exchange import Call

from .asking import MODELS as MODELS_OF_MINIATURE
from .asking import asker_of
from .response_rule_pairs import response_pairs
from .rule_samples import JSON_HEAD, NOW, STREAM_HEAD, Change, RulePair, Sample, change
from .servers import HonoursEverything
from .servers.behaviours import OTHERS

USAGE = (
    '"usage":{"prompt_tokens":5,"completion_tokens":3,"total_tokens":8,'
    '"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}'
)
PATHS = {"chat": "/chat/completions", "completions": "/completions"}
PREFIXES = {"chat": "chatcmpl", "completions": "cmpl"}


def call(endpoint: str, **fields: object) -> Call:
    """A greedy request of three tokens."""
    return Call(path=PATHS[endpoint], body={"model": "m", "temperature": 0, "max_tokens": 3, **fields})


# Plain answers

SAID = {
    "chat": '"message":{"role":"assistant","content":"One two three","refusal":null}',
    "completions": '"text":"One two three"',
}


def plain(endpoint: str, said: str = "", finish: str = "length", logprobs: str = "null", **fields: object) -> Sample:
    kind = "chat.completion" if endpoint == "chat" else "text_completion"
    choice = f'{{"index":0,{said or SAID[endpoint]},"logprobs":{logprobs},"finish_reason":"{finish}"}}'
    head = f'"id":"{PREFIXES[endpoint]}-1","object":"{kind}","created":{NOW},"model":"m"'
    return Sample(call=call(endpoint, **fields), wire=f'{JSON_HEAD}{{{head},"choices":[{choice}],{USAGE}}}')


CREATED = f'"created":{NOW}'
HTML = change('content-type is "text/html"', "application/json", "text/html")
RESPONSES: dict[str, tuple[Change, ...]] = {
    "schema": (change("choices.*.index: is missing", '"index":0,'),),
    "schema/details": (change("created: is not above 0", CREATED, '"created":0'),),
    "usage": (
        change("`usage` is missing or incomplete", '"total_tokens":8,'),
        change("`total_tokens` is not the sum of `prompt_tokens` and `completion_tokens`", 'tokens":8', 'tokens":9'),
        change("a detail of `usage` exceeds the count that it is part of", 'cached_tokens":2', 'cached_tokens":6'),
        change("a detail of `usage` exceeds the count that it is part of", 'ing_tokens":1', 'ing_tokens":4'),
    ),
    "choice_indices": (
        change("`choices` is missing or empty", '"choices"', '"other"'),
        change("the indices of the choices are [1]", '"index":0', '"index":1'),
    ),
    "finish_reason": (change('finish_reason is "eos"', '"length"', '"eos"'),),
    "length_is_the_limit": (
        change(
            "finish_reason `length` with 2 tokens where 3 were allowed",
            'completion_tokens":3',
            'completion_tokens":2',
        ),
    ),
    "created": (
        change("`created` is no whole number", CREATED, f"{CREATED}.5"),
        change("`created` is not near now, in seconds", CREATED, f"{CREATED}000"),
    ),
    "model": (change('`model` is "x", not the one asked for', '"model":"m"', '"model":"x"'),),
    "content_type": (HTML,),
}

CALLS = (
    '"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":['
    '{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},'
    '{"id":"call_2","type":"function","function":{"name":"f","arguments":"{}"}}]}'
)
LOGPROBS = (
    '{"content":[{"token":"One two three","logprob":-0.1,"bytes":null,"top_logprobs":'
    '[{"token":"One two three","logprob":-0.1,"bytes":null},{"token":"x","logprob":-2,"bytes":null}]}],'
    '"refusal":null}'
)
CALLED = plain("chat", CALLS, "tool_calls")
SPOKEN = plain("chat", logprobs=LOGPROBS)

CHAT_RESPONSES: dict[str, tuple[Sample, tuple[Change, ...]]] = {
    "role": (plain("chat"), (change('the role is "user"', '"assistant"', '"user"'),)),
    "tool_calls": (
        CALLED,
        (
            change("ids of tool calls are missing or repeated", '"id":"call_1",'),
            change("ids of tool calls are missing or repeated", "call_2", "call_1"),
            change("a tool call's type is not `function`", '"type":"function"', '"type":"tool"'),
            change("`arguments` is no string", '"arguments":"{}"', '"arguments":{}'),
            change("`arguments` holds no JSON object", '"arguments":"{}"', '"arguments":"{"'),
            change("`arguments` holds no JSON object", '"arguments":"{}"', '"arguments":"[]"', nth=1),
        ),
    ),
    "finish_tool_calls": (
        CALLED,
        (
            change('tools are called, and finish_reason is "stop"', '_reason":"tool_calls"', '_reason":"stop"'),
            change("finish_reason is `tool_calls`, and no tool is called", '"tool_calls":[', '"other":['),
        ),
    ),
    "special_tokens": (
        plain("chat"),
        tuple(
            change(f"the text holds {token}", "three", f"three{token}")
            for token in ("<|im_end|>", "<end_of_turn>", "</s>")
        ),
    ),
    "logprobs": (
        SPOKEN,
        (
            change("the tokens do not join to the content", '"content":"One', '"content":"Own'),
            change("a logprob is above 0, or no number", '"logprob":-0.1', '"logprob":0.1'),
            change("a logprob is above 0, or no number", '"logprob":-0.1', '"logprob":null'),
            change("an alternative has no logprob", '"logprob":-2', '"logprob":null'),
            change("the alternatives are not sorted by falling logprob", '"logprob":-2', '"logprob":-0.05'),
            change("at temperature 0 the chosen token is not the likeliest", '"logprob":-0.1', '"logprob":-0.2'),
        ),
    ),
}  # fmt: skip

# Streams

DONE = "data: [DONE]\n\n"


def stream(endpoint: str, *, usage: bool = False) -> Sample:
    kind = "chat.completion.chunk" if endpoint == "chat" else "text_completion"
    head = f'{{"id":"{PREFIXES[endpoint]}-1","object":"{kind}","created":{NOW},"model":"m","choices":['
    pieces = (
        ('"delta":{"role":"assistant","content":"One"}', '"delta":{"content":" two"}', '"delta":{}')
        if endpoint == "chat"
        else ('"text":"One"', '"text":" two"', '"text":""')
    )
    reasons = ("null", "null", '"stop"')
    choices = [
        f'{{"index":0,{piece},"logprobs":null,"finish_reason":{reason}}}'
        for piece, reason in zip(pieces, reasons, strict=True)
    ]
    chunks = [f"{head}{choice}]}}" for choice in choices]
    asked: dict[str, object] = {"stream": True}
    if usage:
        chunks.append(f"{head}],{USAGE}}}")
        asked["stream_options"] = {"include_usage": True}
    events = "".join(f"data: {chunk}\n\n" for chunk in chunks)
    return Sample(call=call(endpoint, **asked), wire=STREAM_HEAD + events + DONE)


NULL, STOP = '"finish_reason":null', '"finish_reason":"stop"'
LATER = 'data: {"choices":[{"index":0,"finish_reason":null}]}\n\n'
STREAMS: dict[str, tuple[Change, ...]] = {
    "schema": (change("choices.*.index: is missing", '"index":0,'),),
    "schema/details": (change("created: is not above 0", CREATED, '"created":0'),),
    "content_type": (change('content-type is "text/html; charset=utf-8"', "event-stream", "html"),),
    "framing": (
        change("a line is neither a field nor a comment", "data: {", "oops\ndata: {"),
        change("an event holds no JSON object", "data: {", "data: ", nth=1),
        change("the last event is not ended by a blank line", f"\n\n{DONE}"),
    ),
    "done": (
        change("no [DONE] ends the stream", DONE),
        change("something follows the first [DONE]", DONE, DONE + DONE),
    ),
    "constant": tuple(
        change(f"`{name}` changes from chunk to chunk", f'"{name}":"', f'"{name}":"x', nth=1)
        for name in ("id", "object", "model")
    ),
    "finishes_once": (
        change("finish_reason is empty before the end, not null", NULL, '"finish_reason":""'),
        change("no finish_reason comes", STOP, NULL),
        change("finish_reason comes more than once", NULL, STOP),
        change("chunks follow the finish_reason", DONE, LATER + DONE),
        change('finish_reason is "eos"', STOP, '"finish_reason":"eos"'),
    ),
    "no_empty_choices": (change("a chunk has no choices", DONE, 'data: {"choices":[]}\n\n' + DONE),),
    "usage_last": (
        change("no chunk holds the usage", USAGE, '"usage":null'),
        change("usage comes in more chunks than the last", f"{STOP}}}]", f"{STOP}}}],{USAGE}"),
        change("the usage chunk has choices", f'"choices":[],{USAGE}', f'"choices":[{{}}],{USAGE}'),
        change("the usage of a stream does not add up", '"total_tokens":8', '"total_tokens":9'),
    ),
    "indices": (change("`index` is missing", '"index":0,'),),
    "utf8": (
        change("a stream is not valid UTF-8", " two", " tw\udcc3"),
        change("a chunk holds U+FFFD, half a character", " two", " tw\ufffd"),
    ),
}  # fmt: skip

TWO, LAST = '"delta":{"content":" two"}', '"delta":{}'
CHAT_STREAMS: dict[str, tuple[Change, ...]] = {
    "role_first": (
        change("the first chunk of a choice lacks the role", '"role":"assistant",'),
        change("the role comes in later chunks too", TWO, '"delta":{"role":"assistant","content":" two"}'),
        change("the role is null", TWO, '"delta":{"role":null,"content":" two"}'),
    ),
    "content_is_text": (change("a delta's content is null", TWO, '"delta":{"content":null}'),),
    "last_delta_empty": tuple(
        change("the chunk with the finish_reason holds text or calls too", LAST, f'"delta":{{{held}}}')
        for held in ('"content":"!"', '"tool_calls":[{"index":0}]')
    ),
}

# The other routes

EMBEDDED = Sample(
    call=Call(path="/embeddings", body={"model": "e", "input": ["a", "b"]}, server="embedding"),
    wire=JSON_HEAD + '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.6,0.8]},'
    '{"object":"embedding","index":1,"embedding":[1.0,0.0]}],"model":"e","usage":{"prompt_tokens":2,"total_tokens":2}}',
)
EMBEDDINGS: dict[str, tuple[Change, ...]] = {
    "schema": (change("data.*.index: is missing", '"index":0,'),),
    "schema/details": (change("usage.prompt_tokens: is below 0", '"prompt_tokens":2', '"prompt_tokens":-2'),),
    "model": (change('`model` is "x", not the one asked for', '"model":"e"', '"model":"x"'),),
    "content_type": (HTML,),
    "vectors": (
        change("`data` is missing or empty", '"data"', '"other"'),
        change("`index` is not the place in the list", '"index":1', '"index":0'),
        change("the vectors of one answer differ in length", "[0.6,0.8]", "[0.6]"),
        change("a vector holds what is no finite number", "[0.6,0.8]", "[0.6,null]"),
        change("a vector is all zeros", "[1.0,0.0]", "[0.0,0.0]"),
    ),
}

MODEL = f'{{"id":"m","object":"model",{CREATED},"owned_by":"us"}}'
LISTED = Sample(call=Call(method="GET", path="/models"), wire=f'{JSON_HEAD}{{"object":"list","data":[{MODEL}]}}')
RETRIEVED = Sample(call=Call(method="GET", path="/models/m"), wire=JSON_HEAD + MODEL)
MODELS: dict[str, tuple[tuple[Sample, Change], ...]] = {
    "schema": (
        (LISTED, change("data.*.object: is missing", '"object":"model",')),
        (RETRIEVED, change("object: is missing", '"object":"model",')),
    ),
    "schema/details": (
        (LISTED, change("data.*.created: is not above 0", CREATED, '"created":0')),
        (RETRIEVED, change("created: is not above 0", CREATED, '"created":0')),
    ),
    "content_type": ((LISTED, HTML), (RETRIEVED, HTML)),
}

ERROR = json.dumps({"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None}})
REFUSED = Sample(call=call("chat", n="zz"), wire=JSON_HEAD.replace("200", "400") + ERROR)
AFTER = replace(plain("chat"), call=replace(call("chat"), purpose="after_error", follows=REFUSED.call.id))
UNANSWERED = "the request after a bad one got no answer"
ERRORS: dict[str, tuple[tuple[Sample, Change], ...]] = {
    "envelope": ((REFUSED, change("error.message: is missing", '"message": "no", ')),),
    "content_type": ((REFUSED, HTML),),
    "no_5xx": ((REFUSED, change("a request is answered with 500", "400", "500")),),
    "no_error_in_200": (
        (EMBEDDED, change("an error envelope came with status 200", '"object":"list"', '"error":{"message":"no"}')),
    ),
    "survives": (
        (AFTER, change(UNANSWERED, "200", "cut")),
        (AFTER, change(UNANSWERED, "200", "timeout")),
        (AFTER, change("the request after a bad one is answered with status 500", "200", "500")),
    ),
}


def plain_sample(endpoint: type[RequestEndpoint[Any]]) -> Sample:
    """Return what the miniature that honours everything answers to an endpoint's plain request."""
    session = Session(send=asker_of(HonoursEverything(pace=0)).send, models=MODELS_OF_MINIATURE)
    exchange = endpoint(session=session, model=MODELS_OF_MINIATURE[endpoint.capability]).ask_plain()
    assert exchange is not None
    head = "\n".join([str(exchange.status), *(f"{name}: {value}" for name, value in exchange.headers)])
    return Sample(call=exchange.call, wire=f"{head}\n\n{exchange.text}")


def _pairs_of_miniatures() -> Iterator[tuple[str, tuple[Sample, ...], Change]]:
    """Yield the pairs of endpoints that nothing is written of here: their miniatures hold the changes."""
    for endpoint in OTHERS.values():
        module = import_module(f".servers.{endpoint.name}", __package__)
        honest = plain_sample(endpoint)
        for name, (reason, old, new) in module.RULE_CHANGES.items():
            yield f"{endpoint.name}/response/{name}", (honest,), change(reason, old, new)


def _pairs() -> Iterator[tuple[str, tuple[Sample, ...], Change]]:
    yield from _pairs_of_miniatures()
    yield from response_pairs()
    for endpoint in PATHS:
        for name, changes in RESPONSES.items():
            yield from ((f"{endpoint}/response/{name}", (plain(endpoint),), each) for each in changes)
        for name, changes in STREAMS.items():
            honest = stream(endpoint, usage=name == "usage_last")
            yield from ((f"{endpoint}/stream/{name}", (honest,), each) for each in changes)
        nothing = change("there are no events", stream(endpoint).wire, STREAM_HEAD)
        yield f"{endpoint}/stream/framing", (stream(endpoint),), nothing
    for name, (sample, changes) in CHAT_RESPONSES.items():
        yield from ((f"chat/response/{name}", (sample,), each) for each in changes)
    for name, changes in CHAT_STREAMS.items():
        yield from ((f"chat/stream/{name}", (stream("chat"),), each) for each in changes)
    for name, changes in EMBEDDINGS.items():
        yield from ((f"embeddings/response/{name}", (EMBEDDED,), each) for each in changes)
    for endpoint, rows in (("models", MODELS), ("errors", ERRORS)):
        for name, several in rows.items():
            yield from ((f"{endpoint}/response/{name}", (sample,), each) for sample, each in several)
    other = change("", "chatcmpl-1", "chatcmpl-2").apply(plain("chat", seed=1))
    same_id = change("two answers have the same id", "chatcmpl-2", "chatcmpl-1")
    yield "chat/response/ids_unique", (plain("chat"), other), same_id
    yield "chat/response/ids_unique", (other, stream("chat")), change(same_id.reason, "chatcmpl-1", "chatcmpl-2")


PAIRS = tuple(RulePair(row=row, honest=honest, change=each) for row, honest, each in _pairs())
