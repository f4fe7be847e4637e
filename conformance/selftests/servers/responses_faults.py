"""Servers whose /v1/responses does one thing wrong, as real ones do, or one thing that looks wrong and is right.

Each is an honest server behind a proxy. `FIELD_FAULTS` are about what a request asks for, `OBJECT_FAULTS` about the
response object; `LEGAL` may be accused of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .interface import RefusalError, Reply, Request, Server
from .proxy import Body, honest, without
from .responses_operation_faults import finds_nothing
from .responses_proxy import ResponsesProxy
from .responses_stream_faults import LEGAL_STREAMS, hides_no_lengths

Maker = Callable[[], Server]


def drops(*names: str) -> Server:
    """Fields that are taken and not read."""
    return ResponsesProxy(going=lambda body: without(body, *names))


def drops_and_repeats(*names: str) -> Server:
    """The same, and the response says what was sent."""

    def coming(sent: Body, made: Body) -> Body:
        return {**made, **{name: sent[name] for name in names if name in sent}}

    return ResponsesProxy(going=lambda body: without(body, *names), coming=coming)


def says(**members: Any) -> Server:
    """Some members of the response are always the same, whatever was asked."""
    return ResponsesProxy(coming=lambda _sent, made: {**made, **members})


def tells(change: Callable[[Body], Body]) -> Server:
    """Each response object is changed."""
    return ResponsesProxy(coming=lambda _sent, made: change(made))


def tells_items(change: Callable[[Body], Body | None]) -> Server:
    """Each item is changed, in a plain answer alone, or is left out where it becomes None."""

    def coming(sent: Body, made: Body) -> Body:
        changed = [change(item) for item in made["output"]]
        return made if sent.get("stream") else {**made, "output": [item for item in changed if item is not None]}

    return ResponsesProxy(coming=coming)


def asks(change: Callable[[Body], Body]) -> Server:
    """Each request is changed before it is read."""
    return ResponsesProxy(going=change)


# What is done to a request


def _with_parts(body: Body, change: Callable[[list[Any]], list[Any]]) -> Body:
    """The request with the parts of each message changed."""
    if not isinstance(body.get("input"), list):
        return body
    items = [
        {**item, "content": change(item["content"])}
        if isinstance(item, Mapping) and isinstance(item.get("content"), list)
        else item
        for item in body["input"]
    ]
    return {**body, "input": items}


def _without_pictures(body: Body) -> Body:
    return _with_parts(body, lambda parts: [part for part in parts if part.get("type") != "input_image"])


def _with_joined_parts(body: Body) -> Body:
    """Two parts of text are joined by a newline."""

    def joined(parts: list[Any]) -> list[Any]:
        return [
            {**part, "text": "\n" + part["text"]} if place and part.get("type") == "input_text" else part
            for place, part in enumerate(parts)
        ]

    return _with_parts(body, joined)


TEMPLATE_TEXT = " ".join(["You are a helpful assistant, and you are glad to be one."] * 4)
"""The system text of a chat template, which a given one replaces."""


def _with_system_text(body: Body) -> Body:
    """A request without a system text of its own gets that of the template."""
    items = body.get("input")
    roles = [item.get("role") for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    given = body.get("instructions") or {"system", "developer"} & {str(role) for role in roles}
    return body if given else {**body, "instructions": TEMPLATE_TEXT}


def _with_summary(body: Body) -> Body:
    reasoning = body.get("reasoning") if isinstance(body.get("reasoning"), Mapping) else {}
    return {**body, "reasoning": {"summary": "auto", **(reasoning or {})}}


def _with_included(value: str) -> Callable[[Body], Body]:
    def included(body: Body) -> Body:
        include = body["include"] if isinstance(body.get("include"), list) else []
        return {**body, "include": [*include, value]}

    return included


def _without_calls(body: Body) -> Body:
    """What tools gave back is dropped from the history."""
    if not isinstance(body.get("input"), list):
        return body
    kept = [item for item in body["input"] if not str(item.get("type")).endswith("_output")]
    return {**body, "input": kept}


def _forcing_any(body: Body) -> Body:
    """A tool that is named may be any."""
    choice = body.get("tool_choice")
    return {**body, "tool_choice": "required"} if isinstance(choice, Mapping) else body


def keeps_no_state() -> Server:
    """Nothing is kept, and what goes on from something is refused."""

    def going(body: Body) -> Body:
        for name in ("previous_response_id", "conversation", "background"):
            if body.get(name):
                raise RefusalError(f"Unsupported parameter: '{name}'.", param=name, code="unsupported_parameter")
        return {**body, "store": False}

    return ResponsesProxy(going=going)


@dataclass(kw_only=True)
class CarriesInstructions:
    """Instructions go on in the responses that go on from theirs."""

    inner: Server = field(default_factory=honest)
    _given: dict[str, str] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        """The reply; what it was instructed with is remembered under its id."""
        told: list[str] = []

        def going(body: Body) -> Body:
            earlier = self._given.get(str(body.get("previous_response_id")), "")
            told.append(f"{earlier} {body.get('instructions') or ''}".strip())
            return {**body, "instructions": told[0]} if told[0] else body

        def coming(_sent: Body, made: Body) -> Body:
            self._given[made["id"]] = told[0]
            return made

        return ResponsesProxy(going=going, coming=coming, inner=self.inner).answer(request)


FIELD_FAULTS: dict[str, tuple[str, Maker]] = {
    "text_format_on_chat_only": ("responses/fields/text/format/json_schema", partial(drops, "text")),
    "history_dropped": ("responses/fields/previous_response_id", partial(drops_and_repeats, "previous_response_id")),
    "conversation_dropped": ("responses/fields/conversation", partial(drops_and_repeats, "conversation")),
    "instructions_carried_over": ("responses/fields/previous_response_id/instructions", CarriesInstructions),
    "stored_and_not_found": ("responses/fields/store", partial(finds_nothing, "GET", "/v1/responses/[^/]+")),
    "stores_always": ("responses/fields/store", partial(drops_and_repeats, "store")),
    "background_at_once": ("responses/fields/background", partial(drops_and_repeats, "background")),
    "summary_always": ("responses/fields/reasoning/summary", partial(asks, _with_summary)),
    "effort_dropped": ("responses/fields/reasoning/effort", partial(drops_and_repeats, "reasoning")),
    "image_dropped": ("responses/fields/input/image/data_url", partial(asks, _without_pictures)),
    "tool_output_dropped": ("responses/fields/input/function_call_output", partial(asks, _without_calls)),
    "any_tool_is_named": ("responses/fields/tool_choice/named", partial(asks, _forcing_any)),
    "logprobs_always": (
        "responses/fields/include/output_text_logprobs",
        partial(asks, _with_included("message.output_text.logprobs")),
    ),
    "encrypted_always": (
        "responses/fields/include/reasoning_encrypted_content",
        partial(asks, _with_included("reasoning.encrypted_content")),
    ),
    "nothing_included": ("responses/fields/include/output_text_logprobs", partial(drops, "include")),
    "truncates_always": (
        "responses/fields/truncation/disabled",
        partial(asks, lambda body: {**body, "truncation": "auto"}),
    ),
    "no_obfuscation": ("responses/fields/stream_options/include_obfuscation", hides_no_lengths),
    "instructions_dropped": ("responses/fields/instructions", partial(drops_and_repeats, "instructions")),
    "limit_dropped": (
        "responses/fields/max_output_tokens/plain",
        partial(asks, lambda body: {**body, "max_output_tokens": 200}),
    ),
}
"""Name -> the row that it must fail, and a maker of the server."""


# What is done to a response


def _completed(made: Body) -> Body:
    if made["status"] != "incomplete":
        return made
    items = [{**item, "status": "completed"} for item in made["output"]]
    return {
        **made,
        "status": "completed",
        "incomplete_details": None,
        "output": items,
        "completed_at": made["created_at"],
    }


def _only_item_completed(made: Body) -> Body:
    return {**made, "output": [{**item, "status": "completed"} for item in made["output"]]}


def _item_in_progress(item: Body) -> Body:
    return {**item, "status": "in_progress"}


def _with_usage(**counts: int) -> Callable[[Body], Body]:
    return lambda made: {**made, "usage": {**made["usage"], **counts}} if made.get("usage") else made


def _uncounted_thoughts(made: Body) -> Body:
    if not made.get("usage"):
        return made
    return {**made, "usage": {**made["usage"], "output_tokens_details": {"reasoning_tokens": 0}}}


def _message_with(**members: Any) -> Callable[[Body], Body]:
    return lambda item: {**item, **members} if item["type"] == "message" else item


def _saying(change: Callable[[str], str]) -> Callable[[Body], Body]:
    def said(item: Body) -> Body:
        if item["type"] != "message":
            return item
        return {**item, "content": [{**part, "text": change(part["text"])} for part in item["content"]]}

    return said


def _parsed_arguments(item: Body) -> Body:
    return {**item, "arguments": {"city": "London"}} if item["type"] == "function_call" else item


def _call_with(**members: Any) -> Callable[[Body], Body]:
    return lambda item: {**item, **members} if item["type"] == "function_call" else item


def _thoughts_with(**members: Any) -> Callable[[Body], Body]:
    return lambda item: {**item, **members} if item["type"] == "reasoning" else item


def _in_milliseconds(made: Body) -> Body:
    return {**made, "created_at": made["created_at"] * 1000}


_REPEATED: dict[str, Any] = {
    "background": False,
    "conversation": {"id": "conv_another"},
    "instructions": "Another text.",
    "max_output_tokens": 17,
    "max_tool_calls": 7,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": "resp_another",
    "prompt_cache_key": "another",
    "prompt_cache_retention": "in_memory",
    "reasoning": {"effort": "minimal", "summary": None},
    "safety_identifier": "another",
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "json_object"}, "verbosity": "high"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 7,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": "another",
}
"""Field -> what every response says of it, whatever was asked."""

OBJECT_FAULTS: dict[str, tuple[str, Maker]] = {
    "status_always_completed": ("responses/fields/max_output_tokens/incomplete", partial(tells, _completed)),
    "only_the_item_is_completed": (
        "responses/fields/max_output_tokens/incomplete",
        partial(tells, _only_item_completed),
    ),
    "item_in_progress": ("responses/response/status", partial(tells_items, _item_in_progress)),
    "created_in_milliseconds": ("responses/response/created_at", partial(tells, _in_milliseconds)),
    "completed_at_null": ("responses/response/completed_at", partial(says, completed_at=None)),
    "usage_does_not_add_up": ("responses/response/usage", partial(tells, _with_usage(total_tokens=7))),
    "thoughts_are_not_counted": ("responses/response/usage/reasoning_tokens", partial(tells, _uncounted_thoughts)),
    "one_id_for_all": ("responses/response/ids/unique", partial(says, id="resp_1")),
    "one_item_id_for_all": ("responses/response/items/unique", partial(tells_items, _message_with(id="msg_1"))),
    "message_of_a_user": ("responses/response/message", partial(tells_items, _message_with(role="user"))),
    "message_without_parts": ("responses/response/message", partial(tells_items, _message_with(content=[]))),
    "arguments_are_an_object": ("responses/response/function_call", partial(tells_items, _parsed_arguments)),
    "call_without_an_id": ("responses/response/function_call", partial(tells_items, _call_with(call_id=""))),
    "thoughts_without_summary": (
        "responses/response/reasoning",
        partial(tells_items, _thoughts_with(summary=None)),
    ),
    "special_tokens": (
        "responses/response/special_tokens",
        partial(tells_items, _saying(lambda text: text + "<|im_end|>")),
    ),
    "thoughts_in_the_text": (
        "responses/response/thoughts_apart",
        partial(tells_items, _saying(lambda text: f"<think>\nHm.\n</think>\n\n{text}")),
    ),
    "output_null": ("responses/response/schema", partial(says, output=None)),
    **{
        f"repeats_another_{name}": (f"responses/response/echo/{name}", partial(says, **{name: value}))
        for name, value in _REPEATED.items()
    },
}
"""Name -> the row that it must fail, and a maker of the server. Rules judge plain answers too."""


def _leaner(made: Body) -> Body:
    """Without what OpenAI's own recorded answers lack at times, and without what is no part of the clause."""
    return without(made, "user", "frequency_penalty", "presence_penalty")


LEGAL: dict[str, Maker] = {
    **LEGAL_STREAMS,
    "template_text_is_replaced": partial(asks, _with_system_text),
    "parts_are_joined_by_a_newline": partial(asks, _with_joined_parts),
    "lean_objects": partial(tells, _leaner),
}
"""Name -> a maker of a server that is odd, and right."""
