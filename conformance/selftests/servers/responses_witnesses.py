"""What shows that each field of /v1/responses is honoured, through the real SDK."""

from __future__ import annotations

import base64
import json
from typing import Any

import openai
import pytest

from .asking import PROSE, SDK, TIME, WEATHER, WORDS, answered, chat, honoured, refused, respond, said

WEATHER_TOOL = {"type": "function", **WEATHER["function"]}
TIME_TOOL = {"type": "function", **TIME["function"]}


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def called(name: str = "get_weather", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": "call_1", "name": name, "arguments": '{"city":"Paris"}', **more}


EXAMPLES = [user("Weather in Paris?"), called(), user("Weather in London?")]
BESIDE = [EXAMPLES[0], {"role": "assistant", "content": "Let me check."}, *EXAMPLES[1:]]


def calls(answer: Any) -> list[tuple[str, Any]]:
    return [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]


def kinds(answer: Any) -> list[str]:
    return [item.type for item in answer.output]


def absent(ask: Any, code: str | None = None) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        ask()
    assert raised.value.type == "invalid_request_error"
    assert code is None or raised.value.code == code


@honoured("responses", "model")
def _() -> None:
    assert respond(model="team/mini:latest").model == "team/mini:latest"
    absent(lambda: respond(model="nope"), "model_not_found")
    refused(lambda: SDK.responses.create(input="Hi"), "model", "missing_required_parameter")


@honoured("responses", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "user")
def _(name: str) -> None:
    value = "24h" if name == "prompt_cache_retention" else "zq"
    answer = respond(extra_body={name: value})
    assert (answer.to_dict()[name], answer.output_text) == (value, answered())
    refused(lambda: respond(extra_body={name: 7}), name, "invalid_type")


@honoured("responses", "access_programs", "image", "prompt_cache_options")
def _(name: str) -> None:
    values = {
        "access_programs": {"cyber": "standard"},
        "image": {"context_compression": "enabled"},
        "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
    }
    answer = respond(extra_body={name: values[name]})
    assert (answer.to_dict()[name], answer.output_text) == (values[name], answered())
    assert name not in respond().to_dict()
    for nonsense in (7, {"zq": 1}):
        with pytest.raises(openai.BadRequestError) as raised:
            respond(extra_body={name: nonsense})
        assert str(raised.value.param).startswith(name)


@honoured("responses", "background")
def _() -> None:
    begun = respond(background=True)
    assert (begun.status, begun.output, begun.completed_at) == ("queued", [], None)
    assert SDK.responses.retrieve(begun.id).status == "in_progress"
    ended = SDK.responses.retrieve(begun.id)
    assert (ended.status, ended.output_text, ended.background) == ("incomplete", answered(), True)
    refused(lambda: respond(background=True, store=False), "background")


@honoured("responses", "context_management")
def _() -> None:
    form = {"type": "compaction", "compact_threshold": 1000}
    long = "about " * 1100
    assert kinds(respond(long, context_management=[form])) == ["compaction", "message"]
    assert kinds(respond("Hi", context_management=[form])) == ["message"]
    refused(lambda: respond(context_management=7), "context_management", "invalid_type")


@honoured("responses", "conversation")
def _() -> None:
    made = SDK.conversations.create(items=[{"type": "message", **user("zq " * 40)}])
    plain = respond("Go on").usage.input_tokens
    for form in (made.id, {"id": made.id}):
        before = len(SDK.conversations.items.list(made.id).data)
        answer = respond("Go on", conversation=form)
        assert answer.usage.input_tokens > plain + 40
        assert answer.conversation.id == made.id
        assert len(SDK.conversations.items.list(made.id).data) == before + 2
    absent(lambda: respond(conversation="conv_zz"))
    both = {"conversation": made.id, "previous_response_id": answer.id}
    refused(lambda: respond(**both), "previous_response_id", "mutually_exclusive_parameters")


@honoured("responses", "include")
def _() -> None:
    logprobs = ["message.output_text.logprobs"]
    assert len(respond(include=logprobs).output[0].content[0].logprobs) == WORDS
    assert respond().output[0].content[0].logprobs == []
    sealed = respond(include=["reasoning.encrypted_content"], reasoning={"effort": "low"}, store=False).output[0]
    assert (sealed.type, bool(sealed.encrypted_content)) == ("reasoning", True)
    assert "encrypted_content" not in respond(reasoning={"effort": "low"}).output[0].to_dict()
    refused(lambda: respond(include=["zz"]), "include[0]", "invalid_value")


@honoured("responses", "input")
def _() -> None:
    plain = respond().usage.input_tokens
    halves = [{"type": "input_text", "text": PROSE[0][:9]}, {"type": "input_text", "text": PROSE[0][9:]}]
    for same in (
        [user(PROSE[0])],
        [{"type": "message", **user([{"type": "input_text", "text": PROSE[0]}])}],
        [user(halves)],
    ):
        answer = respond(same)
        assert (answer.output_text, answer.usage.input_tokens) == (answered(), plain)
    texts = {answered()}
    for more in more_inputs():
        answer = respond(more)
        assert answer.usage.input_tokens > plain
        texts.add(answer.output_text)
    assert len(texts) == 1 + len(more_inputs())
    spellings: list[Any] = [
        {"role": "assistant", "content": "zq"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "zq"}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "zq", "annotations": []}],
        },
    ]
    turns = [[user("Hi"), spelling, user("Hi")] for spelling in spellings]
    assert len({(answered(turn), respond(turn).usage.input_tokens) for turn in turns}) == 1


def more_inputs() -> list[Any]:
    """The first prompt with one more thing each."""
    last = user(PROSE[0])
    output = {"type": "function_call_output", "call_id": "call_1", "output": "ZQ-417"}
    text = {"type": "input_text", "text": PROSE[0]}
    note = {"type": "custom_tool_call", "call_id": "call_2", "name": "note", "input": "zq"}
    return [
        [{"role": "system", "content": "zq"}, last],
        [{"role": "developer", "content": "zq"}, last],
        [{"role": "assistant", "content": [{"type": "refusal", "refusal": "qz"}]}, last],
        [called(), output, last],
        [called(), {**output, "output": [{"type": "input_text", "text": "ZQ-418"}]}, last],
        [note, {"type": "custom_tool_call_output", "call_id": "call_2", "output": "zq"}, last],
        [user([text, picture(b"zq")])],
        [user([text, picture(b"qz")])],
        [user([text, {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,enE="}])],
        [user([text, {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}])],
        [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "zq thought"}]}, last],
        [{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}, last],
    ]


def picture(data: bytes) -> dict[str, Any]:
    packed = base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode()
    return {"type": "input_image", "image_url": f"data:image/png;base64,{packed}", "detail": "auto"}


@honoured("responses", "instructions")
def _() -> None:
    short, long = (respond(instructions="zq " * count) for count in (20, 80))
    assert long.usage.input_tokens >= short.usage.input_tokens + 60
    system = respond([{"role": "system", "content": "zq " * 20}, user(PROSE[0])])
    assert (system.output_text, system.usage.input_tokens) == (short.output_text, short.usage.input_tokens)
    assert respond(instructions=None).usage.input_tokens == respond().usage.input_tokens


@honoured("responses", "max_output_tokens")
def _() -> None:
    answer = respond(max_output_tokens=16)
    assert (answer.usage.output_tokens, answer.status, answer.output[0].status) == (16, "incomplete", "incomplete")
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answered().startswith(answer.output_text)
    whole = respond(max_output_tokens=400)
    assert (whole.status, whole.incomplete_details, whole.usage.output_tokens) == ("completed", None, 80)
    refused(lambda: respond(max_output_tokens=15), "max_output_tokens", "integer_below_min_value")


@honoured("responses", "max_tool_calls")
def _() -> None:
    tools = [{"type": "web_search"}, {"type": "image_generation"}]
    assert kinds(respond(tools=tools)) == ["web_search_call", "image_generation_call", "message"]
    assert kinds(respond(tools=tools, max_tool_calls=1)) == ["web_search_call", "message"]
    refused(lambda: respond(max_tool_calls="zq"), "max_tool_calls", "invalid_type")


@honoured("responses", "metadata", "store")
def _(_name: str) -> None:
    kept = respond(metadata={"zq": "1"})
    found = SDK.responses.retrieve(kept.id)
    assert (found.to_dict(), found.metadata) == (kept.to_dict(), {"zq": "1"})
    assert SDK.responses.retrieve(respond(store=True).id).to_dict()["store"] is True
    forgotten = respond(store=False)
    assert forgotten.to_dict()["store"] is False
    absent(lambda: SDK.responses.retrieve(forgotten.id))


@honoured("responses", "moderation")
def _() -> None:
    answer = respond(moderation={"model": "omni-moderation-latest"})
    assert answer.moderation.output.flagged is False
    assert respond().moderation is None


@honoured("responses", "parallel_tool_calls")
def _() -> None:
    prompt = "Call get_weather and get_time for Oslo."
    both, one = (
        calls(respond(prompt, tools=[WEATHER_TOOL, TIME_TOOL], parallel_tool_calls=value, max_output_tokens=64))
        for value in (True, False)
    )
    assert [[name for name, _ in made] for made in (both, one)] == [["get_weather", "get_time"], ["get_weather"]]


@honoured("responses", "previous_response_id")
def _() -> None:
    first = respond("zq " * 60, instructions="qz " * 60, max_output_tokens=16)
    answer = respond("Go on", previous_response_id=first.id)
    assert answer.usage.input_tokens > respond("Go on").usage.input_tokens + 180
    same = respond([user("zq " * 60), {"role": "assistant", "content": first.output_text}, user("Go on")])
    assert (same.output_text, same.usage.input_tokens) == (answer.output_text, answer.usage.input_tokens)
    third = respond("And?", previous_response_id=answer.id)
    assert third.usage.input_tokens > answer.usage.input_tokens
    unknown = lambda name: lambda: respond(previous_response_id=name)  # noqa: E731 - one line
    for name in ("resp_zz", respond(store=False).id):
        refused(unknown(name), "previous_response_id", "previous_response_not_found")


@honoured("responses", "prompt")
def _() -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        respond(prompt={"id": "pmpt_zz_nope"})
    assert "pmpt_zz_nope" in raised.value.message
    refused(lambda: respond(prompt=7), "prompt", "invalid_type")


@honoured("responses", "reasoning")
def _() -> None:
    none, high = (respond(reasoning={"effort": effort}, max_output_tokens=64) for effort in ("none", "high"))
    assert (kinds(none), none.usage.output_tokens_details.reasoning_tokens) == (["message"], 0)
    assert (kinds(high), high.usage.output_tokens_details.reasoning_tokens) == (["reasoning", "message"], 24)
    assert high.usage.output_tokens == 64
    assert high.output[0].summary == []
    asked = respond(reasoning={"effort": "high", "summary": "auto"}, max_output_tokens=64)
    assert asked.output[0].summary[0].text
    assert asked.output_text == high.output_text
    again = [user(PROSE[0]), *(item.to_dict() for item in high.output), user("Go on")]
    assert respond(again).usage.input_tokens > respond([*again[:1], *again[2:]]).usage.input_tokens


@honoured("responses", "service_tier")
def _() -> None:
    for sent, told in ((None, "default"), ("auto", "default"), ("fast", "priority"), ("flex", "flex")):
        assert respond(service_tier=sent).service_tier == told


@honoured("responses", "stream")
def _() -> None:
    events = list(respond(stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == answered()
    assert events[-1].response.output_text == answered()


@honoured("responses", "stream_options")
def _() -> None:
    hidden, plain = (
        [event for event in respond(stream=True, **options) if event.type.endswith(".delta")]
        for options in ({}, {"stream_options": {"include_obfuscation": False}})
    )
    assert all(event.obfuscation for event in hidden)
    assert not any("obfuscation" in event.to_dict() for event in plain)
    refused(lambda: respond(stream_options={}), "stream_options")


@honoured("responses", "temperature")
def _() -> None:
    assert len({answered(temperature=2) for _ in range(4)} | {answered(), answered()}) == 5


@honoured("responses", "top_p")
def _() -> None:
    assert answered(temperature=2, top_p=0.001) == answered(temperature=2, top_p=0) == answered()


@honoured("responses", "text")
def _() -> None:
    assert answered(text={"format": {"type": "text"}}) == answered()
    assert len({answered(text={"verbosity": value}) for value in ("low", "medium", "high")}) == 3
    assert answered(text={"verbosity": "low"}) == said(verbosity="low")
    form = {
        "type": "json_schema",
        "name": "zq",
        "strict": True,
        "schema": {"type": "object", "properties": {"zq_key": {"enum": ["v7"]}}, "required": ["zq_key"]},
    }
    for stream in (False, True):
        answer = respond(text={"format": form}, max_output_tokens=64, stream=stream)
        whole = list(answer)[-1].response if stream else answer
        assert json.loads(whole.output_text) == {"zq_key": "v7"}
        assert whole.status == "completed"
    json_mode = answered("No JSON please.", text={"format": {"type": "json_object"}}, max_output_tokens=64)
    assert isinstance(json.loads(json_mode), dict)
    refused(lambda: respond(text={"format": {"type": "json_object"}}), "input")
    refused(lambda: respond(text={"format": {"type": "json_schema", "schema": {}}}), "text.format.name")
    refused(lambda: respond(text={"format": {**form, "schema": {"$ref": "#"}}}), "text.format")


@honoured("responses", "tools")
def _() -> None:
    answer = respond(EXAMPLES, tools=[WEATHER_TOOL, TIME_TOOL])
    assert calls(answer) == [("get_weather", {"city": "London"})]
    assert (answer.status, answer.output[0].status) == ("completed", "completed")
    assert answer.output[0].call_id not in ("", "call_1")
    assert answer.usage.input_tokens > respond(EXAMPLES).usage.input_tokens
    beside = respond(BESIDE, tools=[WEATHER_TOOL])
    assert kinds(beside) == ["message", "function_call"]
    assert beside.output_text == "Let me check."
    cut = respond(BESIDE, tools=[WEATHER_TOOL], max_output_tokens=20)
    assert (cut.status, cut.output[-1].type, cut.output[-1].status) == ("incomplete", "function_call", "incomplete")
    grammar = {"type": "grammar", "syntax": "regex", "definition": "zq[0-9]{3}"}
    custom = respond("Please note this.", tools=[{"type": "custom", "name": "note", "format": grammar}]).output[0]
    assert (custom.type, custom.input[:2], len(custom.input)) == ("custom_tool_call", "zq", 5)
    space = {"type": "namespace", "name": "ns", "description": "d", "tools": [WEATHER_TOOL]}
    within = [EXAMPLES[0], called(namespace="ns"), EXAMPLES[2]]
    call = respond(within, tools=[space]).output[0]
    assert (call.name, call.namespace) == ("get_weather", "ns")
    nulls = {**WEATHER_TOOL, "description": None, "strict": None}
    assert respond(EXAMPLES, tools=[nulls]).usage == respond(EXAMPLES, tools=[WEATHER_TOOL]).usage
    for kind in ("computer_use_preview", "shell"):
        with pytest.raises(openai.BadRequestError) as raised:
            respond(tools=[{"type": kind}])
        assert kind in raised.value.message


@honoured("responses", "tool_choice")
def _() -> None:
    tools = [WEATHER_TOOL, TIME_TOOL]
    assert calls(respond(tools=tools)) == []
    assert calls(respond(EXAMPLES, tools=tools, tool_choice="none")) == []
    assert len(calls(respond("Just say hello.", tools=tools, tool_choice="required"))) == 1
    entry = {"type": "function", "name": "get_time"}
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [entry]}
    for choice in (entry, allowed):
        assert calls(respond(EXAMPLES, tools=tools, tool_choice=choice)) == [("get_time", {"city": "London"})]
        assert respond(EXAMPLES, tools=tools, tool_choice=choice).to_dict()["tool_choice"] == choice
    assert kinds(respond(tools=[{"type": "web_search"}], tool_choice="none")) == ["message"]
    for choice in ({"type": "function", "name": "zq"}, "zz"):
        refused(lambda choice=choice: respond(tools=tools, tool_choice=choice), "tool_choice")
    refused(lambda: respond(tool_choice="required"), "tool_choice")


@honoured("responses", "top_logprobs")
def _() -> None:
    include = ["message.output_text.logprobs"]
    part = respond(include=include, top_logprobs=2).output[0].content[0]
    data = bytes(byte for entry in part.logprobs for byte in entry.bytes)
    assert data.decode("utf-8", "ignore") == part.text.rstrip("\ufffd")
    assert all(len(entry.top_logprobs) == 2 for entry in part.logprobs)
    told = chat(logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert [entry.to_dict() for entry in part.logprobs] == [entry.to_dict() for entry in told]
    events = [event for event in respond(include=include, stream=True) if event.type.endswith("text.delta")]
    assert [entry.token for event in events for entry in event.logprobs] == [entry.token for entry in part.logprobs]


@honoured("responses", "truncation")
def _() -> None:
    turns = [user("zq " * 11_000), {"role": "assistant", "content": "zq"}, user("Hi")]
    refused(lambda: respond(turns), "input", "context_length_exceeded")
    refused(lambda: respond(turns[0]["content"], truncation="auto"), "input", "context_length_exceeded")
    assert respond(turns, truncation="auto").usage.input_tokens < 50
    refused(lambda: respond(truncation="zz"), "truncation", "invalid_value")
