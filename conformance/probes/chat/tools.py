"""chat/fields: tools and what chooses among them."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance, tool_calls
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation, weigh
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import get_path
from conformance.probes.tool_calls import PLAIN_FUNCTION, PLAIN_TOOL
from conformance.probes.tool_conversations import (
    EXAMPLES,
    MAX_CALL_TOKENS,
    TOOLS,
    ask_for_call,
    calls_nothing,
    fill_content,
)
from conformance.probes.unread_fields import is_unread

declare_derived(
    "chat/fields/tools", "The tools that the model may call.", capability="tools", values=values([PLAIN_TOOL], "zz")
)


@probe("chat/fields/tools/function", capability="tools", chance=chance.GREEDY_ANSWER)
def tools_function(chat: Chat) -> Observation:
    """A function's name and arguments come back as `tool_calls`, with finish_reason `tool_calls`."""
    return tool_calls.check_call(chat)


@probe("chat/fields/tools/function/stream", capability="tools", title="with stream", chance=chance.GREEDY_ANSWER)
def tools_stream(chat: Chat) -> Observation:
    """The chunks of a stream join to the same call."""
    return tool_calls.check_call(chat, stream=True)


@probe("chat/fields/tools/function/strict", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def tools_strict(chat: Chat) -> Observation:
    """With `strict`, the arguments obey the schema: here a word that the conversation does not suggest."""
    return tool_calls.check_strict(chat)


@probe("chat/fields/tools/custom", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def tools_custom(chat: Chat) -> Observation:
    """A custom tool takes free text; its call comes as `custom` with `input`."""
    # The clause of a stream's chunks knows no custom calls, so that their shape is not held against the field.
    return tool_calls.check_custom(chat, chat.ask_prerequisite if chat.control.stream else chat.ask, "custom")


declare_derived(
    "chat/fields/tool_choice",
    "Whether, and which, tool is called.",
    capability="tools",
    values=values("auto", 7, tools=[PLAIN_TOOL]),
)


@probe("chat/fields/tool_choice/none", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_none(chat: Chat) -> Observation:
    """`none`: no tool is called, where auto calls one."""
    return tool_calls.check_choice_none(chat)


@probe("chat/fields/tool_choice/auto", capability="tools", chance=chance.GREEDY_OR_STATUS)
def choice_auto(chat: Chat) -> Observation:
    """`auto`, the default: the model decides. The value is read, or any nonsense would do."""
    return tool_calls.check_choice_auto(chat)


@probe("chat/fields/tool_choice/required", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_required(chat: Chat) -> Observation:
    """`required`: a tool is called, where auto would not."""
    return tool_calls.check_choice_required(chat)


@probe("chat/fields/tool_choice/named", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_named(chat: Chat) -> Observation:
    """A function by name: that one is called, where the examples call another."""
    return tool_calls.check_choice_named(chat)


@probe(
    "chat/fields/tool_choice/allowed_tools", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER
)
def choice_allowed(chat: Chat) -> Observation:
    """Only the tools named may be called, and one must be."""
    return tool_calls.check_choice_allowed(chat)


@probe(
    "chat/fields/parallel_tool_calls",
    capability="tools",
    values=values(False, "zz", tools=[PLAIN_TOOL]),
    chance=chance.GREEDY_OR_STATUS,
)
def parallel_tool_calls(chat: Chat) -> Observation:
    """False: at most one tool is called in an answer, where true calls two."""
    return tool_calls.check_parallel_calls(chat)


FUNCTIONS = [tool["function"] for tool in TOOLS]


@probe(
    "chat/fields/functions",
    capability="tools",
    severity=Severity.SHOULD,
    values=values([PLAIN_FUNCTION], "zz"),
    chance=chance.GREEDY_ANSWER,
)
def functions(chat: Chat) -> Observation:
    """The functions that the model may call (deprecated for tools): called, or at least told to the model."""
    conversations: tuple[Any, ...] = (fill_content(chat, EXAMPLES), "Weather in London?")
    controls = [chat.ask_control(conversation, answer_limit=MAX_CALL_TOKENS) for conversation in conversations]
    votes: list[bool | None] = []
    for place, (conversation, control) in enumerate(zip(conversations, controls, strict=True)):
        answer = ask_for_call(chat.ask, conversation, functions=FUNCTIONS)
        grown = (answer.prompt_tokens or 0) > (control.prompt_tokens or 0)
        if get_path(answer.message, "function_call", "name") or (grown and answer.text != control.text):
            votes.append(True)
        else:
            votes.append(False if is_unread(answer, control, other=controls[1 - place]) else None)
    return weigh(
        votes,
        seen="the functions reach the prompt or are called",
        absent="with functions, the answer and the prompt's tokens are the same as without",
        unclear="the answer or the count of prompt tokens changes, but not as the functions would have it",
    )


@probe(
    "chat/fields/function_call",
    capability="tools",
    severity=Severity.SHOULD,
    values=values("auto", 7, functions=[PLAIN_FUNCTION]),
    chance=chance.GREEDY_ANSWER,
)
def function_call(chat: Chat) -> Observation:
    """Which function is called (deprecated for tool_choice)."""
    votes: list[bool | None] = []
    for name in ("get_time", "get_weather"):
        prompt = "Just say hello."
        chat.ask_control(prompt, answer_limit=MAX_CALL_TOKENS)
        answer = ask_for_call(chat.ask, prompt, functions=FUNCTIONS, function_call={"name": name})
        called_name = get_path(answer.message, "function_call", "name")
        if called_name or answer.called_tools:
            votes.append(called_name == name)
        else:
            votes.append(False if calls_nothing(answer, name) else None)
    return weigh(
        votes,
        seen="the demanded function is called as `function_call`, one and the other",
        absent="no `function_call` comes, though one is demanded",
        unclear="one of two demanded functions is called, a habit, or the limit came before a call",
    )
