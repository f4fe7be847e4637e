"""chat/fields: tools and what chooses among them.

A model of 135M parameters calls a tool when the conversation shows it three calls to copy. Whether the server obeys
`tool_choice` is asked against that habit: what auto would not do.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance, text_generation
from conformance.probes.endpoints import Chat
from conformance.probes.observation import Observation, ignored, inconclusive, supported, weigh
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_views import TextResponse, get_path
from conformance.probes.session import UndeterminedError

MAX_CALL_TOKENS = 64
"""Tokens in which any of the calls below fits."""


def function(name: str, argument: str = "city", **more: Any) -> dict[str, Any]:
    """Return a function tool with one string argument."""
    schema = {"type": "object", "properties": {argument: {"type": "string", **more}}, "required": [argument]}
    return {
        "type": "function",
        "function": {"name": name, "description": f"Look up by {argument}.", "parameters": schema},
    }


TOOLS = [function("get_weather"), function("get_time")]

PLAIN_FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}
PLAIN_TOOL = {"type": "function", "function": PLAIN_FUNCTION}
"""A tool for requests that only have to be accepted."""


def answered(call_id: str) -> dict[str, Any]:
    """Return the result of a call, without which OpenAI refuses the conversation."""
    return {"role": "tool", "tool_call_id": call_id, "content": "ok"}


def called(name: str, arguments: dict[str, str], call_id: str) -> dict[str, Any]:
    """Return a tool call as an earlier assistant turn holds it."""
    text = json.dumps(arguments, separators=(",", ":"))
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def examples(name: str = "get_weather", word: str = "Weather") -> list[dict[str, Any]]:
    """Three calls to copy, then a question that wants one more."""
    turns: list[dict[str, Any]] = []
    for count in range(3):
        turns.append({"role": "user", "content": f"{word} in Paris?"})
        call = called(name, {"city": "Paris"}, f"call_{count}")
        turns += [{"role": "assistant", "content": None, "tool_calls": [call]}, answered(call["id"])]
    return [*turns, {"role": "user", "content": f"{word} in London?"}]


EXAMPLES = examples()

declare_derived(
    "chat/fields/tools", "The tools that the model may call.", capability="tools", values=values([PLAIN_TOOL], "zz")
)


@probe("chat/fields/tools/function", capability="tools", chance=chance.GREEDY_ANSWER)
def tools_function(chat: Chat) -> Observation:
    """A function's name and arguments come back as `tool_calls`, with finish_reason `tool_calls`."""
    control = chat.ask_control(EXAMPLES, max_tokens=MAX_CALL_TOKENS)
    return _called_rightly(chat.ask(EXAMPLES, tools=TOOLS, max_tokens=MAX_CALL_TOKENS), control)


@probe("chat/fields/tools/function/stream", capability="tools", title="with stream", chance=chance.GREEDY_ANSWER)
def tools_stream(chat: Chat) -> Observation:
    """The chunks of a stream join to the same call."""
    control = chat.ask_control(EXAMPLES, max_tokens=MAX_CALL_TOKENS)
    return _called_rightly(chat.ask(EXAMPLES, tools=TOOLS, max_tokens=MAX_CALL_TOKENS, stream=True), control)


def _called_rightly(answer: TextResponse, control: TextResponse) -> Observation:
    if control.tool_calls:
        return inconclusive("tool calls come even without tools")
    if [name for name, _ in answer.called_tools] == ["get_weather"]:
        arguments = same_json(answer.called_tools[0][1])
        if isinstance(arguments, dict) and str(arguments.get("city", "")).strip() == "London":
            return supported("the function is called with the argument of the last question")
        return inconclusive("the function is called, with other arguments than the last question's")
    if answer.called_tools:
        return inconclusive(
            f"other calls came than the examples show: {[name for name, _ in answer.called_tools][:3]}"
        )
    if answer.text == control.text and answer.prompt_tokens in (control.prompt_tokens, None):
        return ignored("with tools, the answer and the prompt's tokens are the same as without")
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
    loose = chat.ask_prerequisite(EXAMPLES, tools=TOOLS, max_tokens=MAX_CALL_TOKENS)
    answer = chat.ask(EXAMPLES, tools=[tool], tool_choice=choice, max_tokens=MAX_CALL_TOKENS)
    if not answer.called_tools:
        return _no_call(loose)
    if same_json(answer.called_tools[0][1]) == {"city": "zq_v7"}:
        return supported("the arguments are the one word that the schema allows, which nothing else suggests")
    return ignored("the arguments do not obey the schema")


def _no_call(loose: TextResponse) -> Observation:
    if loose.called_tools:
        return ignored("auto calls a function here; the request that demands the call does not")
    return inconclusive("the model called no function, so that its arguments cannot be judged")


@probe("chat/fields/tools/custom", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def tools_custom(chat: Chat) -> Observation:
    """A custom tool takes free text; its call comes as `custom` with `input`."""
    tool = {"type": "custom", "custom": {"name": "note_down", "description": "Writes a note."}}
    choice = {"type": "custom", "custom": {"name": "note_down"}}
    prompt = "Note down the word apple."
    control = chat.ask_control(prompt)
    answer = chat.ask(prompt, tools=[tool], tool_choice=choice, max_tokens=MAX_CALL_TOKENS)
    if get_path(answer.tool_calls, 0, "custom", "name") == "note_down":
        return supported("the tool is called as `custom`")
    if answer.tool_calls:
        return ignored("the tool is called, but not as `custom`")
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
    for conversation in (EXAMPLES, examples("get_time", "Time")):
        free = chat.ask_prerequisite(conversation, tools=TOOLS, max_tokens=MAX_CALL_TOKENS)
        answer = chat.ask(conversation, tools=TOOLS, tool_choice="none", max_tokens=MAX_CALL_TOKENS)
        # A call that is taken out of the answer was made all the text_generation.
        votes.append(
            None if not free.called_tools else False if answer.called_tools else bool(answer.text.strip()) or None
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
    free = chat.ask_prerequisite(EXAMPLES, tools=TOOLS, max_tokens=MAX_CALL_TOKENS)
    answer = chat.ask(EXAMPLES, tools=TOOLS, tool_choice="auto", max_tokens=MAX_CALL_TOKENS)
    if bool(answer.called_tools) != bool(free.called_tools):
        return inconclusive("auto and no tool_choice at all differ in whether a tool is called")
    return text_generation.check_value_is_read(chat, "tool_choice")


@probe("chat/fields/tool_choice/required", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_required(chat: Chat) -> Observation:
    """`required`: a tool is called, where auto would not."""
    votes: list[bool | None] = []
    for prompt in ("Just say hello.", "Tell me a joke about cats."):
        free = chat.ask_prerequisite(prompt, tools=TOOLS, max_tokens=MAX_CALL_TOKENS)
        answer = chat.ask(prompt, tools=TOOLS, tool_choice="required", max_tokens=MAX_CALL_TOKENS)
        votes.append(None if free.called_tools else bool(answer.called_tools))
    return weigh(
        votes,
        seen="a tool is called where auto calls none",
        absent=f"no tool is called within {MAX_CALL_TOKENS} tokens, though one is required",
        unclear="auto calls a tool here, so that required shows nothing",
    )


def obeys_choice(chat: Chat, choose: Any) -> Observation:
    """Demand a tool that the examples do not call: twice, so that a fixed habit passes at most once."""
    votes: list[bool | None] = []
    for conversation, habit, demanded in (
        (EXAMPLES, "get_weather", "get_time"),
        (examples("get_time", "Time"), "get_time", "get_weather"),
    ):
        free = chat.ask_prerequisite(conversation, tools=TOOLS, max_tokens=MAX_CALL_TOKENS)
        names = [name for name, _ in free.called_tools]
        answer = chat.ask(conversation, tools=TOOLS, tool_choice=choose(demanded), max_tokens=MAX_CALL_TOKENS)
        if names and names != [habit]:
            raise UndeterminedError("auto does not call the tool that the examples call")
        votes.append(bool(answer.called_tools) and all(name == demanded for name, _ in answer.called_tools))
    return weigh(
        votes,
        seen="the demanded tool is called against the examples, both ways round",
        absent="the demanded tool is not called",
        unclear="the demanded tool is called one way round only: a habit, not obedience",
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


def _two_at_once() -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for count in range(3):
        turns.append({"role": "user", "content": "Weather in Paris and Rome?"})
        calls = [called("get_weather", {"city": city}, f"call_{count}_{city}") for city in ("Paris", "Rome")]
        turns.append({"role": "assistant", "content": None, "tool_calls": calls})
        turns += [answered(call["id"]) for call in calls]
    return [*turns, {"role": "user", "content": "Weather in London and Oslo?"}]


@probe(
    "chat/fields/parallel_tool_calls",
    capability="tools",
    values=values(False, "zz", tools=[PLAIN_TOOL]),
    chance=chance.GREEDY_OR_STATUS,
)
def parallel_tool_calls(chat: Chat) -> Observation:
    """False: at most one tool is called in an answer, where true calls two."""
    conversation = _two_at_once()
    both, one = (
        chat.ask(conversation, tools=TOOLS, parallel_tool_calls=value, max_tokens=MAX_CALL_TOKENS)
        for value in (True, False)
    )
    if len(both.called_tools) < 2:
        return text_generation.check_value_is_read(chat, "parallel_tool_calls")
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
    votes: list[bool | None] = []
    for conversation in (EXAMPLES, "Weather in London?"):
        control = chat.ask_control(conversation, max_tokens=MAX_CALL_TOKENS)
        answer = chat.ask(conversation, functions=FUNCTIONS, max_tokens=MAX_CALL_TOKENS)
        grown = (answer.prompt_tokens or 0) > (control.prompt_tokens or 0)
        if get_path(answer.message, "function_call", "name") or (grown and answer.text != control.text):
            votes.append(True)
        else:
            votes.append(False if answer.text == control.text else None)
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
        chat.ask_control(prompt, max_tokens=MAX_CALL_TOKENS)
        answer = chat.ask(prompt, functions=FUNCTIONS, function_call={"name": name}, max_tokens=MAX_CALL_TOKENS)
        votes.append(get_path(answer.message, "function_call", "name") == name)
    return weigh(
        votes,
        seen="the demanded function is called as `function_call`, one and the other",
        absent="no `function_call` comes, though one is demanded",
        unclear="one of two demanded functions is called: a habit, not obedience",
    )
