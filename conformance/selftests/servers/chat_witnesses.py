"""What shows that each field of chat alone is honoured; those that it shares stand in test_servers.py."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from .asking import (
    PROSE,
    SDK,
    TIME,
    WEATHER,
    WORDS,
    called,
    chat,
    honoured,
    piece,
    refused,
    said,
)


@honoured("chat", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options")
def _(name: str) -> None:
    valid = {"prompt_cache_retention": "24h", "prompt_cache_options": {"mode": "explicit", "ttl": "30m"}}
    assert said(extra_body={name: valid.get(name, "zq")}) == said()
    refused(lambda: chat(extra_body={name: 7}), name, "invalid_type")


@honoured("chat", "messages")
def _() -> None:
    plain = chat().usage.prompt_tokens
    texts = {said()}
    user = {"role": "user", "content": PROSE[0]}
    after_call = [user, {"role": "assistant", "tool_calls": [_call("get_time", "{}")]}]
    for more in (
        [{"role": "system", "content": "zq"}, user],
        [{"role": "developer", "content": "zq"}, user],
        [user, {"role": "assistant", "content": "zq"}, user],
        [{**user, "name": "zq"}],
        [user, {"role": "assistant", "refusal": "qz"}, user],
        [{"role": "function", "name": "f", "content": "zq"}, user],
        [*after_call, {"role": "tool", "tool_call_id": "call_1", "content": "zq"}],
        [{**user, "content": [{"type": "text", "text": PROSE[0]}, _image(b"\x89PNG\r\n\x1a\nzq")]}],
        [{**user, "content": [{"type": "text", "text": PROSE[0]}, _image(b"\x89PNG\r\n\x1a\nqz")]}],
        [{**user, "content": [{"type": "text", "text": PROSE[0]}, _sound("wav")]}],
        [{**user, "content": [{"type": "text", "text": PROSE[0]}, _file()]}],
    ):
        answer = chat(more)
        assert answer.usage.prompt_tokens > plain
        texts.add(answer.choices[0].message.content)
    assert len(texts) == 12
    halves = [{"type": "text", "text": PROSE[0][:9]}, {"type": "text", "text": PROSE[0][9:]}]
    assert said([{**user, "content": halves}]) == said()
    orphan = [user, {"role": "tool", "tool_call_id": "call_1", "content": "zq"}]
    refused(lambda: chat(orphan), "messages.[1].role")


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}


def _image(data: bytes) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(data).decode()}"}}


def _sound(form: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": form}}


def _file() -> dict[str, Any]:
    return {"type": "file", "file": {"filename": "zq.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}}


@honoured("chat", "max_completion_tokens")
def _() -> None:
    answer = chat(max_tokens=openai.omit, max_completion_tokens=3)
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (3, "length")


@honoured("chat", "logprobs", "top_logprobs")
def _(_name: str) -> None:
    answer = chat(logprobs=True, top_logprobs=3, temperature=1, seed=3).choices[0]
    entries = answer.logprobs.content
    assert "".join(entry.token for entry in entries) == answer.message.content
    for entry in entries:
        odds = [top.logprob for top in entry.top_logprobs]
        assert len(odds) == 3
        assert odds == sorted(odds, reverse=True)
        assert sum(map(math.exp, odds)) <= 1
    joined = [entry for chunk in chat(logprobs=True, stream=True) for entry in _odds(chunk)]
    assert joined == chat(logprobs=True, top_logprobs=0).choices[0].logprobs.content
    assert chat().choices[0].logprobs is None
    refused(lambda: chat(top_logprobs=3), "top_logprobs")


def _odds(chunk: Any) -> list[Any]:
    logprobs = chunk.choices[0].logprobs
    return list(logprobs.content) if logprobs else []


@honoured("chat", "response_format")
def _() -> None:
    assert said(response_format={"type": "text"}) == said()
    json_mode = said("No JSON please.", response_format={"type": "json_object"}, max_tokens=64)
    assert isinstance(json.loads(json_mode), dict)

    class Bread(BaseModel):
        grain: str
        ovens: list[int]
        next: Bread | None

    answer = SDK.chat.completions.parse(
        model="mini", messages=[{"role": "user", "content": "Hi"}], response_format=Bread
    )
    assert isinstance(answer.choices[0].message.parsed, Bread)
    word = {
        "type": "object",
        "properties": {"zq": {"enum": ["\U0001f469\u200d\U0001f680 \u4f60"]}},
        "required": ["zq"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "word", "schema": word}}
    assert json.loads(said(response_format=form, max_tokens=64)) == {"zq": "\U0001f469\u200d\U0001f680 \u4f60"}
    chunks = list(chat(response_format=form, max_tokens=64, stream=True))
    assert json.loads("".join(map(piece, chunks))) == {"zq": "\U0001f469\u200d\U0001f680 \u4f60"}


EXAMPLES = [
    {"role": "user", "content": "Weather in Paris?"},
    {"role": "assistant", "content": None, "tool_calls": [_call("get_weather", '{"city":"Paris"}')]},
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
    {"role": "user", "content": "Weather in London?"},
]


@honoured("chat", "tools")
def _() -> None:
    answer = chat(EXAMPLES, tools=[WEATHER, TIME])
    assert called(answer) == [("get_weather", {"city": "London"})]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage.prompt_tokens > chat(EXAMPLES).usage.prompt_tokens
    cut = chat(EXAMPLES, tools=[WEATHER], max_tokens=6)
    assert cut.choices[0].finish_reason == "length"
    strict: dict[str, Any] = {**WEATHER["function"], "strict": True}
    strict["parameters"] = {"type": "object", "properties": {"city": {"enum": ["zq"]}}, "required": ["city"]}
    assert called(chat(EXAMPLES, tools=[{"type": "function", "function": strict}])) == [
        ("get_weather", {"city": "zq"})
    ]
    grammar = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "zq[0-9]{3}"}}
    custom = {"type": "custom", "custom": {"name": "note", "format": grammar}}
    call = chat("Please note this.", tools=[custom]).choices[0].message.tool_calls[0]
    assert call.type == "custom"
    assert call.custom.input[:2] == "zq"
    assert len(call.custom.input) == 5


@honoured("chat", "tool_choice")
def _() -> None:
    tools = [WEATHER, TIME]
    assert called(chat(tools=tools)) == []
    assert called(chat(EXAMPLES, tools=tools, tool_choice="none")) == []
    assert len(called(chat(tools=tools, tool_choice="required"))) == 1
    for name in ("get_weather", "get_time"):
        entry = {"type": "function", "function": {"name": name}}
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [entry]}}
        for choice in (entry, allowed):
            assert called(chat(EXAMPLES, tools=tools, tool_choice=choice)) == [(name, {"city": "London"})]
    refused(lambda: chat(tool_choice="auto"), "tool_choice")
    undeclared = {"type": "function", "function": {"name": "zq"}}
    refused(lambda: chat(tools=tools, tool_choice=undeclared), "tool_choice")


@honoured("chat", "parallel_tool_calls")
def _() -> None:
    prompt = "Call get_weather and get_time for Oslo."
    for stream in (False, True):
        both, one = (
            _names(chat(prompt, tools=[WEATHER, TIME], parallel_tool_calls=value, max_tokens=64, stream=stream))
            for value in (True, False)
        )
        assert (both, one) == (["get_weather", "get_time"], ["get_weather"])


def _names(answer: Any) -> list[str]:
    if hasattr(answer, "choices"):
        return [name for name, _ in called(answer)]
    deltas = [call for chunk in answer for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.index for call in deltas] == sorted(call.index for call in deltas)
    assert all((call.id is None) == (call.function.name is None) == (call.type is None) for call in deltas)
    return [call.function.name for call in deltas if call.function.name]


@honoured("chat", "functions", "function_call")
def _(_name: str) -> None:
    functions = [WEATHER["function"], TIME["function"]]
    choice = chat(EXAMPLES, functions=functions).choices[0]
    assert json.loads(choice.message.function_call.arguments) == {"city": "London"}
    assert choice.finish_reason == "function_call"
    for name in ("get_weather", "get_time"):
        named = chat(functions=functions, function_call={"name": name}).choices[0].message
        assert named.function_call.name == name
    assert chat(EXAMPLES, functions=functions, function_call="none").choices[0].message.function_call is None


@honoured("chat", "reasoning_effort")
def _() -> None:
    none, high = (chat(reasoning_effort=effort, max_tokens=64) for effort in ("none", "high"))
    assert none.usage.completion_tokens_details.reasoning_tokens == 0
    assert high.usage.completion_tokens_details.reasoning_tokens == 24
    assert high.usage.completion_tokens == 64
    assert high.choices[0].message.reasoning
    assert not hasattr(none.choices[0].message, "reasoning")


@honoured("chat", "verbosity")
def _() -> None:
    assert len({said(verbosity=value) for value in ("low", "medium", "high")}) == 3


@honoured("chat", "modalities", "audio")
def _(_name: str) -> None:
    assert said(modalities=["text"]) == said()
    answer = chat(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})
    audio = answer.choices[0].message.audio
    assert base64.b64decode(audio.data)[:4] == b"RIFF"
    assert audio.transcript == said()
    refused(lambda: chat(modalities=["text", "audio"]), "audio")


@honoured("chat", "prediction")
def _() -> None:
    for content, counts in ((said(), (WORDS, 0)), ("zq", (0, 2)), ([{"type": "text", "text": said()}], (WORDS, 0))):
        answer = chat(prediction={"type": "content", "content": content})
        details = answer.usage.completion_tokens_details
        assert (details.accepted_prediction_tokens, details.rejected_prediction_tokens) == counts
        assert answer.choices[0].message.content == said()


@honoured("chat", "web_search_options")
def _() -> None:
    message = chat(web_search_options={"search_context_size": "low"}).choices[0].message
    assert message.annotations[0].type == "url_citation"
    assert message.annotations[0].url_citation.url


@honoured("chat", "store", "metadata")
def _(_name: str) -> None:
    kept = chat(store=True, metadata={"zq": "1"})
    found = SDK.chat.completions.retrieve(kept.id)
    assert (found.id, found.metadata) == (kept.id, {"zq": "1"})
    with pytest.raises(openai.NotFoundError):
        SDK.chat.completions.retrieve(chat().id)


@honoured("chat", "service_tier")
def _() -> None:
    for sent, told in ((None, "default"), ("auto", "default"), ("fast", "priority"), ("flex", "flex")):
        assert chat(service_tier=sent).service_tier == told


@honoured("chat", "moderation")
def _() -> None:
    answer = chat(moderation={"model": "omni-moderation-latest"})
    assert answer.moderation.output.results[0].flagged is False
    assert chat().moderation is None
