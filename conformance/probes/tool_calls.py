"""The experiments on tools that the endpoints of conversations share.

Whether the server obeys `tool_choice` is asked against the habit that a conversation shows: what auto would not do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .endpoints import ConversationEndpoint
from .observation import Observation, ignored, inconclusive, supported, weigh
from .response_views import TextResponse, get_path
from .session import UndeterminedError
from .tool_conversations import (
    EXAMPLES,
    MAX_CALL_TOKENS,
    TOOL_NAMES,
    TOOLS,
    ask_for_call,
    calls_nothing,
    examples,
    examples_of_two,
    function,
    shows_no_call,
    spell,
)
from .unread_fields import check_value_is_read, is_unread

EXAMPLES_OF_TIME = examples("get_time", "Time")

PLAIN_FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}
PLAIN_TOOL = {"type": "function", "function": PLAIN_FUNCTION}
"""A tool for requests that only have to be accepted."""


def check_call(endpoint: ConversationEndpoint, **streaming: bool) -> Observation:
    """Check that the function of the examples is called, with the argument of the last question."""
    conversation = spell(endpoint, EXAMPLES)
    control = endpoint.ask_control(conversation, answer_limit=MAX_CALL_TOKENS)
    if control.tool_calls:
        return inconclusive("tool calls come even without tools")
    answer = ask_for_call(endpoint.ask, conversation, tools=endpoint.spell_tools(TOOLS), **streaming)
    if [name for name, _ in answer.called_tools] == ["get_weather"]:
        arguments = read_arguments(answer.called_tools[0][1])
        if isinstance(arguments, dict) and str(arguments.get("city", "")).strip() == "London":
            return supported("the function is called with the argument of the last question")
        return inconclusive("the function is called, with other arguments than the last question's")
    if answer.called_tools:
        return inconclusive(
            f"other calls came than the examples show: {[name for name, _ in answer.called_tools][:3]}"
        )
    return _judge_no_call(endpoint, conversation, answer, control)


def _judge_no_call(
    endpoint: ConversationEndpoint, conversation: Any, answer: TextResponse, control: TextResponse
) -> Observation:
    counted = answer
    if answer.streamed and answer.usage is None:
        counted = endpoint.ask_stream_with_usage(
            conversation, tools=endpoint.spell_tools(TOOLS), answer_limit=MAX_CALL_TOKENS
        )
    if is_unread(counted, control, other=endpoint.ask_control()):
        return ignored("with tools, the answer and the prompt's tokens are the same as without")
    if any(name in answer.content for name in TOOL_NAMES):
        return inconclusive("the model calls the function in its text: the server does not know this form of a call")
    return inconclusive("the tools change the answer, but the model did not call one")


def read_arguments(text: str) -> Any:
    """Return the JSON of a call's arguments, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def check_strict(endpoint: ConversationEndpoint) -> Observation:
    """Check that with `strict` the arguments obey the schema: a word that the conversation does not suggest."""
    tool = function("get_weather", enum=["zq_v7"])
    tool["function"]["strict"] = True
    tool["function"]["parameters"]["additionalProperties"] = False
    choice = endpoint.spell_choice({"type": "function", "function": {"name": "get_weather"}})
    conversation = spell(endpoint, EXAMPLES)
    loose = ask_for_call(endpoint.ask_prerequisite, conversation, tools=endpoint.spell_tools(TOOLS))
    answer = ask_for_call(endpoint.ask, conversation, tools=endpoint.spell_tools([tool]), tool_choice=choice)
    if not answer.called_tools:
        return _judge_no_strict_call(answer, loose)
    arguments = read_arguments(answer.called_tools[0][1])
    if arguments == {"city": "zq_v7"}:
        return supported("the arguments are the one word that the schema allows, which nothing else suggests")
    if arguments is None and answer.is_cut:
        return inconclusive("the limit cut the arguments of the call")
    return ignored("the arguments do not obey the schema")


def _judge_no_strict_call(answer: TextResponse, loose: TextResponse) -> Observation:
    if loose.called_tools and calls_nothing(answer, *TOOL_NAMES):
        return ignored("auto calls a function here; the request that demands the call does not")
    return inconclusive("the model called no function, so that its arguments cannot be judged")


def check_custom(endpoint: ConversationEndpoint, send: Callable[..., TextResponse], kind: str) -> Observation:
    """Check that a custom tool, which takes free text, is called when the request names it.

    `send`: how to ask. `kind`: what the endpoint calls such a call.
    """
    custom = {"name": "note_down", "description": "Writes a note."}
    choice = endpoint.spell_choice({"type": "custom", "custom": {"name": "note_down"}})
    prompt = "Note down the word apple."
    control = endpoint.ask_control(prompt)
    tools = endpoint.spell_tools([{"type": "custom", "custom": custom}])
    answer = ask_for_call(send, prompt, tools=tools, tool_choice=choice)
    if get_path(answer.tool_calls, 0, "custom", "name") == "note_down":
        return supported(f"the tool is called as `{kind}`")
    if answer.tool_calls:
        return ignored(f"the tool is called, but not as `{kind}`")
    if not calls_nothing(answer, "note_down"):
        return inconclusive("the limit came before any call, or the tool is called in the text")
    if answer.prompt_tokens is not None and answer.prompt_tokens == control.prompt_tokens:
        return ignored("the tool does not reach the prompt, and is not called though the request names it")
    return ignored("the tool is not called though the request names it")


def check_choice_none(endpoint: ConversationEndpoint) -> Observation:
    """Check that with `none` no tool is called, where auto calls one."""
    votes: list[bool | None] = []
    tools = endpoint.spell_tools(TOOLS)
    for conversation in (EXAMPLES, EXAMPLES_OF_TIME)[: endpoint.prompt_count]:
        turns = spell(endpoint, conversation)
        free = ask_for_call(endpoint.ask_prerequisite, turns, tools=tools)
        answer = ask_for_call(endpoint.ask, turns, tools=tools, tool_choice="none")
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


def check_choice_auto(endpoint: ConversationEndpoint) -> Observation:
    """Check that `auto` does what no `tool_choice` at all does, and is read: else any nonsense would do."""
    conversation = spell(endpoint, EXAMPLES)
    tools = endpoint.spell_tools(TOOLS)
    free = ask_for_call(endpoint.ask_prerequisite, conversation, tools=tools)
    answer = ask_for_call(endpoint.ask, conversation, tools=tools, tool_choice="auto")
    if bool(answer.called_tools) != bool(free.called_tools):
        return inconclusive("auto and no tool_choice at all differ in whether a tool is called")
    return check_value_is_read(endpoint, "tool_choice")


def check_choice_required(endpoint: ConversationEndpoint) -> Observation:
    """Check that with `required` a tool is called, where auto would not."""
    votes: list[bool | None] = []
    tools = endpoint.spell_tools(TOOLS)
    for prompt in ("Just say hello.", "Tell me a joke about cats.")[: endpoint.prompt_count]:
        free = ask_for_call(endpoint.ask_prerequisite, prompt, tools=tools)
        answer = ask_for_call(endpoint.ask, prompt, tools=tools, tool_choice="required")
        votes.append(_calls_as_demanded(answer) if shows_no_call(free) else None)
    return weigh(
        votes,
        seen="a tool is called where auto calls none",
        absent="the answer ends without a call, though one is required",
        unclear="auto calls a tool here, or the limit came before a call, so that required shows nothing",
    )


def _calls_as_demanded(answer: TextResponse, *demanded: str) -> bool | None:
    """Tell whether one of the demanded tools is called, and no other; None where no call came before the limit."""
    names = demanded or TOOL_NAMES
    if answer.called_tools:
        return all(name in names for name, _ in answer.called_tools)
    return False if calls_nothing(answer, *names) else None


def check_choice_named(endpoint: ConversationEndpoint) -> Observation:
    """Check that a function demanded by name is called, where the examples call another."""
    return _check_choice_of_one(endpoint, lambda name: {"type": "function", "function": {"name": name}})


def check_choice_allowed(endpoint: ConversationEndpoint) -> Observation:
    """Check that only a tool named as allowed is called, and one is, where the examples call another."""

    def allow(name: str) -> dict[str, Any]:
        only = [{"type": "function", "function": {"name": name}}]
        return {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": only}}

    return _check_choice_of_one(endpoint, allow)


def _check_choice_of_one(endpoint: ConversationEndpoint, choose: Any) -> Observation:
    """Demand a tool that the examples do not call: twice, so that a fixed habit passes at most once."""
    votes: list[bool | None] = []
    tools = endpoint.spell_tools(TOOLS)
    habits = ((EXAMPLES, "get_weather", "get_time"), (EXAMPLES_OF_TIME, "get_time", "get_weather"))
    for conversation, habit, demanded in habits[: endpoint.prompt_count]:
        turns = spell(endpoint, conversation)
        free = ask_for_call(endpoint.ask_prerequisite, turns, tools=tools)
        names = [name for name, _ in free.called_tools]
        answer = ask_for_call(endpoint.ask, turns, tools=tools, tool_choice=endpoint.spell_choice(choose(demanded)))
        if (names or endpoint.prompt_count == 1) and names != [habit]:
            raise UndeterminedError("auto does not call the tool that the examples call")
        votes.append(_calls_as_demanded(answer, demanded))
    return weigh(
        votes,
        seen="the demanded tool is called against the examples",
        absent="the demanded tool is not called",
        unclear="the demanded tool is called one way round only, a habit, or the limit came before a call",
    )


def check_parallel_calls(endpoint: ConversationEndpoint) -> Observation:
    """Check that with `parallel_tool_calls` false one tool at most is called, where true calls two."""
    conversation = spell(endpoint, examples_of_two())
    tools = endpoint.spell_tools(TOOLS)
    both, one = (
        ask_for_call(endpoint.ask, conversation, tools=tools, parallel_tool_calls=value) for value in (True, False)
    )
    if len(both.called_tools) < 2:
        return check_value_is_read(endpoint, "parallel_tool_calls")
    if not one.called_tools:
        return inconclusive("two tools are called at once with true, and none at all with false")
    if len(one.called_tools) == 1:
        return supported("two tools are called at once with true, and one with false")
    return ignored("two tools are called at once with false as with true")
