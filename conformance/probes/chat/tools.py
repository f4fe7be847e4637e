"""chat/fields: tools and what chooses among them.

Whether the server obeys `tool_choice` is asked against the habit that a conversation shows: what auto would not do.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation, ignored, inconclusive, supported, weigh
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import TextResponse, get_path
from conformance.probes.session import UndeterminedError
from conformance.probes.unread_fields import check_value_is_read, is_unread

from .calls import (
    EXAMPLES,
    MAX_CALL_TOKENS,
    TOOL_NAMES,
    TOOLS,
    Message,
    ask_for_call,
    calls_nothing,
    examples,
    examples_of_two,
    fill_content,
    function,
)

EXAMPLES_OF_TIME = examples("get_time", "Time")

PLAIN_FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}
PLAIN_TOOL = {"type": "function", "function": PLAIN_FUNCTION}
"""A tool for requests that only have to be accepted."""


declare_derived(
    "chat/fields/tools", "The tools that the model may call.", capability="tools", values=values([PLAIN_TOOL], "zz")
)


@probe("chat/fields/tools/function", capability="tools", chance=chance.GREEDY_ANSWER)
def tools_function(chat: Chat) -> Observation:
    """A function's name and arguments come back as `tool_calls`, with finish_reason `tool_calls`."""
    return _check_call(chat)


@probe("chat/fields/tools/function/stream", capability="tools", title="with stream", chance=chance.GREEDY_ANSWER)
def tools_stream(chat: Chat) -> Observation:
    """The chunks of a stream join to the same call."""
    return _check_call(chat, stream=True)


def _check_call(chat: Chat, **streaming: bool) -> Observation:
    """Check that the function of the examples is called, with the argument of the last question."""
    conversation = fill_content(chat, EXAMPLES)
    control = chat.ask_control(conversation, answer_limit=MAX_CALL_TOKENS)
    if control.tool_calls:
        return inconclusive("tool calls come even without tools")
    answer = ask_for_call(chat.ask, conversation, tools=TOOLS, **streaming)
    if [name for name, _ in answer.called_tools] == ["get_weather"]:
        arguments = same_json(answer.called_tools[0][1])
        if isinstance(arguments, dict) and str(arguments.get("city", "")).strip() == "London":
            return supported("the function is called with the argument of the last question")
        return inconclusive("the function is called, with other arguments than the last question's")
    if answer.called_tools:
        return inconclusive(
            f"other calls came than the examples show: {[name for name, _ in answer.called_tools][:3]}"
        )
    return _judge_no_call(chat, conversation, answer, control)


def _judge_no_call(
    chat: Chat, conversation: list[Message], answer: TextResponse, control: TextResponse
) -> Observation:
    counted = answer
    if answer.streamed and answer.usage is None:
        counted = chat.ask_stream_with_usage(conversation, tools=TOOLS, answer_limit=MAX_CALL_TOKENS)
    if is_unread(counted, control, other=chat.ask_control()):
        return ignored("with tools, the answer and the prompt's tokens are the same as without")
    if any(name in answer.content for name in TOOL_NAMES):
        return inconclusive("the model calls the function in its text: the server does not know this form of a call")
    return inconclusive("the tools change the answer, but the model did not call one")


def same_json(text: str) -> Any:
    """Return the JSON of a call's arguments, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@probe("chat/fields/tools/function/strict", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def tools_strict(chat: Chat) -> Observation:
    """With `strict`, the arguments obey the schema: here a word that the conversation does not suggest."""
    tool = function("get_weather", enum=["zq_v7"])
    tool["function"]["strict"] = True
    tool["function"]["parameters"]["additionalProperties"] = False
    choice = {"type": "function", "function": {"name": "get_weather"}}
    conversation = fill_content(chat, EXAMPLES)
    loose = ask_for_call(chat.ask_prerequisite, conversation, tools=TOOLS)
    answer = ask_for_call(chat.ask, conversation, tools=[tool], tool_choice=choice)
    if not answer.called_tools:
        return _judge_no_strict_call(answer, loose)
    arguments = same_json(answer.called_tools[0][1])
    if arguments == {"city": "zq_v7"}:
        return supported("the arguments are the one word that the schema allows, which nothing else suggests")
    if arguments is None and answer.is_cut:
        return inconclusive("the limit cut the arguments of the call")
    return ignored("the arguments do not obey the schema")


def _judge_no_strict_call(answer: TextResponse, loose: TextResponse) -> Observation:
    if loose.called_tools and calls_nothing(answer, *TOOL_NAMES):
        return ignored("auto calls a function here; the request that demands the call does not")
    return inconclusive("the model called no function, so that its arguments cannot be judged")


@probe("chat/fields/tools/custom", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def tools_custom(chat: Chat) -> Observation:
    """A custom tool takes free text; its call comes as `custom` with `input`."""
    tool = {"type": "custom", "custom": {"name": "note_down", "description": "Writes a note."}}
    choice = {"type": "custom", "custom": {"name": "note_down"}}
    prompt = "Note down the word apple."
    control = chat.ask_control(prompt)
    # The clause of a stream's chunks knows no custom calls, so that their shape is not held against the field.
    send = chat.ask_prerequisite if chat.control.stream else chat.ask
    answer = ask_for_call(send, prompt, tools=[tool], tool_choice=choice)
    if get_path(answer.tool_calls, 0, "custom", "name") == "note_down":
        return supported("the tool is called as `custom`")
    if answer.tool_calls:
        return ignored("the tool is called, but not as `custom`")
    if not calls_nothing(answer, "note_down"):
        return inconclusive("the limit came before any call, or the tool is called in the text")
    if answer.prompt_tokens is not None and answer.prompt_tokens == control.prompt_tokens:
        return ignored("the tool does not reach the prompt, and is not called though the request names it")
    return ignored("the tool is not called though the request names it")


declare_derived(
    "chat/fields/tool_choice",
    "Whether, and which, tool is called.",
    capability="tools",
    values=values("auto", 7, tools=[PLAIN_TOOL]),
)


@probe("chat/fields/tool_choice/none", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_none(chat: Chat) -> Observation:
    """`none`: no tool is called, where auto calls one."""
    votes: list[bool | None] = []
    for conversation in (EXAMPLES, EXAMPLES_OF_TIME):
        turns = fill_content(chat, conversation)
        free = ask_for_call(chat.ask_prerequisite, turns, tools=TOOLS)
        answer = ask_for_call(chat.ask, turns, tools=TOOLS, tool_choice="none")
        # A call that is taken out of the answer was made all the same.
        votes.append(
            None if not free.called_tools else False if answer.called_tools else bool(answer.content.strip()) or None
        )
    return weigh(
        votes,
        seen="no tool is called where auto calls one",
        absent="a tool is called, as auto does",
        unclear="auto calls no tool here, or the answer says nothing either",
    )


@probe("chat/fields/tool_choice/auto", capability="tools", chance=chance.GREEDY_OR_STATUS)
def choice_auto(chat: Chat) -> Observation:
    """`auto`, the default: the model decides. The value is read, or any nonsense would do."""
    conversation = fill_content(chat, EXAMPLES)
    free = ask_for_call(chat.ask_prerequisite, conversation, tools=TOOLS)
    answer = ask_for_call(chat.ask, conversation, tools=TOOLS, tool_choice="auto")
    if bool(answer.called_tools) != bool(free.called_tools):
        return inconclusive("auto and no tool_choice at all differ in whether a tool is called")
    return check_value_is_read(chat, "tool_choice")


@probe("chat/fields/tool_choice/required", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_required(chat: Chat) -> Observation:
    """`required`: a tool is called, where auto would not."""
    votes: list[bool | None] = []
    for prompt in ("Just say hello.", "Tell me a joke about cats."):
        free = ask_for_call(chat.ask_prerequisite, prompt, tools=TOOLS)
        answer = ask_for_call(chat.ask, prompt, tools=TOOLS, tool_choice="required")
        votes.append(_calls_as_demanded(answer) if calls_nothing(free) else None)
    return weigh(
        votes,
        seen="a tool is called where auto calls none",
        absent=f"no tool is called within {MAX_CALL_TOKENS} tokens, though one is required",
        unclear="auto calls a tool here, or the limit came before call and text, so that required shows nothing",
    )


def _calls_as_demanded(answer: TextResponse, *demanded: str) -> bool | None:
    """Tell whether one of the demanded tools is called, and no other; None where no call came before the limit."""
    names = demanded or TOOL_NAMES
    if answer.called_tools:
        return all(name in names for name, _ in answer.called_tools)
    return False if calls_nothing(answer, *names) else None


def obeys_choice(chat: Chat, choose: Any) -> Observation:
    """Demand a tool that the examples do not call: twice, so that a fixed habit passes at most once."""
    votes: list[bool | None] = []
    for conversation, habit, demanded in (
        (EXAMPLES, "get_weather", "get_time"),
        (EXAMPLES_OF_TIME, "get_time", "get_weather"),
    ):
        turns = fill_content(chat, conversation)
        free = ask_for_call(chat.ask_prerequisite, turns, tools=TOOLS)
        names = [name for name, _ in free.called_tools]
        answer = ask_for_call(chat.ask, turns, tools=TOOLS, tool_choice=choose(demanded))
        if names and names != [habit]:
            raise UndeterminedError("auto does not call the tool that the examples call")
        votes.append(_calls_as_demanded(answer, demanded))
    return weigh(
        votes,
        seen="the demanded tool is called against the examples, both ways round",
        absent="the demanded tool is not called",
        unclear="the demanded tool is called one way round only, a habit, or the limit came before call and text",
    )


@probe("chat/fields/tool_choice/named", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_named(chat: Chat) -> Observation:
    """A function by name: that one is called, where the examples call another."""
    return obeys_choice(chat, lambda name: {"type": "function", "function": {"name": name}})


@probe(
    "chat/fields/tool_choice/allowed_tools", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER
)
def choice_allowed(chat: Chat) -> Observation:
    """Only the tools named may be called, and one must be."""

    def allow(name: str) -> dict[str, Any]:
        only = [{"type": "function", "function": {"name": name}}]
        return {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": only}}

    return obeys_choice(chat, allow)


@probe(
    "chat/fields/parallel_tool_calls",
    capability="tools",
    values=values(False, "zz", tools=[PLAIN_TOOL]),
    chance=chance.GREEDY_OR_STATUS,
)
def parallel_tool_calls(chat: Chat) -> Observation:
    """False: at most one tool is called in an answer, where true calls two."""
    conversation = fill_content(chat, examples_of_two())
    both, one = (
        ask_for_call(chat.ask, conversation, tools=TOOLS, parallel_tool_calls=value) for value in (True, False)
    )
    if len(both.called_tools) < 2:
        return check_value_is_read(chat, "parallel_tool_calls")
    if not one.called_tools:
        return inconclusive("two tools are called at once with true, and none at all with false")
    if len(one.called_tools) == 1:
        return supported("two tools are called at once with true, and one with false")
    return ignored("two tools are called at once with false as with true")


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
        unclear="one of two demanded functions is called, a habit, or the limit came before call and text",
    )
