"""Conversations in which a model calls tools, and what an answer to them proves.

A model of 135M parameters calls a tool when the conversation shows it three calls to copy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .endpoints import ConversationEndpoint
from .response_views import TextResponse, get_path
from .session import is_usable

MAX_CALL_TOKENS = 64
"""Tokens in which any of the calls below fits."""

MAX_LONG_CALL_TOKENS = 1024
"""Tokens in which it fits also behind long thoughts."""

Message = dict[str, Any]


def user(content: Any, **more: Any) -> Message:
    """Return a user's message."""
    return {"role": "user", "content": content, **more}


def function(name: str, argument: str = "city", **more: Any) -> dict[str, Any]:
    """Return a function tool with one string argument."""
    schema = {"type": "object", "properties": {argument: {"type": "string", **more}}, "required": [argument]}
    return {
        "type": "function",
        "function": {"name": name, "description": f"Look up by {argument}.", "parameters": schema},
    }


TOOLS = [function("get_weather"), function("get_time")]

TOOL_NAMES = ("get_weather", "get_time")


def answered(call_id: str) -> Message:
    """Return the result of a call, without which OpenAI refuses the conversation."""
    return {"role": "tool", "tool_call_id": call_id, "content": "ok"}


def called(name: str, arguments: dict[str, str], call_id: str) -> dict[str, Any]:
    """Return a tool call as an earlier assistant turn holds it."""
    text = json.dumps(arguments, separators=(",", ":"))
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def after_a_call(prompt: str, result: Any, city: str = "Paris") -> list[Message]:
    """Return a prompt, a call that it leads to, and the call's result."""
    call = called("get_weather", {"city": city}, "call_1")
    return [
        user(prompt),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]


def examples(name: str = "get_weather", word: str = "Weather") -> list[Message]:
    """Return three calls to copy, then a question that wants one more."""
    turns: list[Message] = []
    for count in range(3):
        turns.append({"role": "user", "content": f"{word} in Paris?"})
        call = called(name, {"city": "Paris"}, f"call_{count}")
        turns += [{"role": "assistant", "content": None, "tool_calls": [call]}, answered(call["id"])]
    return [*turns, {"role": "user", "content": f"{word} in London?"}]


def examples_of_two() -> list[Message]:
    """Return three turns with two calls each, then a question that wants two more."""
    turns: list[Message] = []
    for count in range(3):
        turns.append({"role": "user", "content": "Weather in Paris and Rome?"})
        calls = [called("get_weather", {"city": city}, f"call_{count}_{city}") for city in ("Paris", "Rome")]
        turns.append({"role": "assistant", "content": None, "tool_calls": calls})
        turns += [answered(call["id"]) for call in calls]
    return [*turns, {"role": "user", "content": "Weather in London and Oslo?"}]


EXAMPLES = examples()


def spell(endpoint: ConversationEndpoint, conversation: list[Message]) -> Any:
    """Return a conversation as the subject of a request that the server takes."""
    return endpoint.spell_turns(fill_content(endpoint, conversation))


def fill_content(endpoint: ConversationEndpoint, conversation: list[Message]) -> list[Message]:
    """Return a conversation as the server takes it: with `""` beside tool calls, where it takes that and not null.

    Rows about tools do not hang on that fault; `chat/fields/messages/as_serialised` tells it.
    """
    refused = endpoint.has_null_content and refuses_null(endpoint)
    return _filled(conversation) if refused else conversation


def refuses_null(endpoint: ConversationEndpoint) -> bool:
    """Tell whether the server refuses null as the content of a message with tool calls, and takes `""`."""
    return not _takes(endpoint, EXAMPLES) and _takes(endpoint, _filled(EXAMPLES))


def _filled(conversation: list[Message]) -> list[Message]:
    return [{**turn, "content": ""} if turn["content"] is None else turn for turn in conversation]


def _takes(endpoint: ConversationEndpoint, conversation: list[Message]) -> bool:
    return is_usable(endpoint.attempt(endpoint.spell_turns(conversation), answer_limit=MAX_CALL_TOKENS))


def ask_for_call(send: Callable[..., TextResponse], conversation: Any, /, **fields: Any) -> TextResponse:
    """Send a request that a call may answer; once more, with room for thoughts, where the limit came before it.

    `send`: how, such as `chat.ask`.

    Raises:
        RequestRejectedError, RequestFailedError, ControlFailedError: as `send` does.
    """
    answer = send(conversation, answer_limit=MAX_CALL_TOKENS, **fields)
    if _is_unfinished(answer):
        return send(conversation, answer_limit=MAX_LONG_CALL_TOKENS, **fields)
    return answer


def _is_unfinished(answer: TextResponse) -> bool:
    """Tell whether the answer was cut in a call, or holds neither call nor text."""
    if answer.called_tools or get_path(answer.message, "function_call"):
        return answer.is_cut
    return not answer.content.strip()


def shows_no_call(answer: TextResponse, *names: str) -> bool:
    """Tell whether an answer holds no call, but text, or ended without.

    `names`: of tools; a text that holds one may be a call, which the server does not know as this model's form of it.
    """
    if answer.called_tools or get_path(answer.message, "function_call"):
        return False
    if answer.content.strip():
        return not any(name in answer.content for name in names)
    return answer.finish_reason not in ("length", None)


def calls_nothing(answer: TextResponse, *names: str) -> bool:
    """Tell whether an answer provably calls no tool, though it was to: it has ended without.

    Text that the limit cut is no proof: a server may take the call behind any text, and keep it from ending before.
    There are servers that tell no cut.
    """
    cut = answer.is_cut or answer.completion_tokens in (MAX_CALL_TOKENS, MAX_LONG_CALL_TOKENS)
    return shows_no_call(answer, *names) and not cut
