"""Which tools the model calls, with which arguments, and in how many tokens it says so.

In `auto` the model calls what the user names, or copies the calls that earlier turns show, with the words of the last
question that the example's question does not have: "Weather in Paris?" called with Paris makes London of
"Weather in London?".
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .documents import UNFOLLOWED, compact, document
from .interface import RefusalError
from .messages import text_of
from .regexes import matching
from .vocabulary import words


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool as the request declares it: a function, a custom one, or a function of the deprecated field."""

    kind: str
    """`function` or `custom`."""
    declared: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.declared["name"])


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A call: arguments of a function, or the input of a custom tool, as text."""

    tool: Tool
    text: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the request says about calling."""

    tools: tuple[Tool, ...]
    """Those that may be called."""
    mode: str
    """`none`, `auto`, `required` or `named`."""


def declared_tools(body: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The tools of a request, by whichever field."""
    tools = [Tool(kind=tool["type"], declared=tool[tool["type"]]) for tool in body.get("tools") or ()]
    return tuple(tools + [Tool(kind="function", declared=function) for function in body.get("functions") or ()])


def choice_of(body: Mapping[str, Any]) -> Choice:
    """What `tool_choice` or `function_call` says.

    Raises:
        RefusalError: it names what is not declared, or there is nothing to choose from.
    """
    tools = declared_tools(body)
    field = "tool_choice" if "tool_choice" in body else "function_call"
    for name, needed in (("tool_choice", "tools"), ("parallel_tool_calls", "tools"), ("function_call", "functions")):
        if name in body and not body.get(needed):
            message = f"Invalid value for '{name}': '{name}' is only allowed when '{needed}' are specified."
            raise RefusalError(message, param=name)
    if body.get("tools") and body.get("functions"):
        raise RefusalError("'functions' and 'tools' cannot be used together.", param="functions")
    choice = body.get(field, "auto")
    if isinstance(choice, str):
        return Choice(tools=tools, mode=choice)
    if choice.get("type") == "allowed_tools":
        allowed = choice["allowed_tools"]
        named = [_name_in(entry) for entry in allowed["tools"]]
        return Choice(tools=tuple(_find(tools, name, field) for name in named), mode=allowed["mode"])
    return Choice(tools=(_find(tools, _name_in(choice), field),), mode="named")


def _name_in(entry: Mapping[str, Any]) -> str:
    inside = entry.get(str(entry.get("type")), entry)
    return str(inside.get("name")) if isinstance(inside, Mapping) else ""


def _find(tools: Sequence[Tool], name: str, field: str) -> Tool:
    for tool in tools:
        if tool.name == name:
            return tool
    raise RefusalError(f"Invalid value for '{field}': no tool named '{name[:64]}' was specified.", param=field)


def calls_due(
    choice: Choice, messages: Sequence[Mapping[str, Any]], rng: random.Random, *, parallel: bool
) -> tuple[ToolCall, ...]:
    """The calls that the model makes; none where it answers in words.

    Raises:
        RefusalError: a tool's schema or grammar cannot be followed.
    """
    if choice.mode == "none" or not choice.tools:
        return ()
    asked = text_of(messages[-1]) if messages[-1]["role"] == "user" else ""
    if choice.mode == "named":
        wanted: list[tuple[Tool, list[str]]] = [(choice.tools[0], _fresh_words(messages, asked))]
    else:
        wanted = _named_by_user(choice.tools, asked) or _copied(choice.tools, messages, asked)
    if not wanted and choice.mode == "required":
        wanted = [(choice.tools[0], _fresh_words(messages, asked))]
    if not parallel:
        wanted = wanted[:1]
    return tuple(ToolCall(tool=tool, text=_written(tool, hints, rng)) for tool, hints in wanted)


def said_beside(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return what the last message with calls says beside them: the model says the same before its own."""
    shown = [message for message in messages if message.get("tool_calls")]
    return text_of(shown[-1]) if shown else ""


def _named_by_user(tools: Sequence[Tool], asked: str) -> list[tuple[Tool, list[str]]]:
    named = [tool for tool in tools if re.search(rf"\b{re.escape(tool.name)}\b", asked)]
    return [(tool, _capitalised(asked)) for tool in named]


def _copied(tools: Sequence[Tool], messages: Sequence[Mapping[str, Any]], asked: str) -> list[tuple[Tool, list[str]]]:
    """The last calls shown, with the words of the last question in place of the example's."""
    shown = [message for message in messages if message.get("tool_calls")]
    if not asked or not shown:
        return []
    names = [(call.get("function") or call["custom"])["name"] for call in shown[-1]["tool_calls"]]
    fresh = _fresh_words(messages, asked)
    by_name = {tool.name: tool for tool in tools}
    found = [(by_name[name], fresh[at : at + 1]) for at, name in enumerate(names) if name in by_name]
    return [(tool, hints or fresh[-1:]) for tool, hints in found]


def _fresh_words(messages: Sequence[Mapping[str, Any]], asked: str) -> list[str]:
    """The words of the last question that no question before it has."""
    before = {word for message in messages[:-1] if message["role"] == "user" for word in _words(text_of(message))}
    if not before:
        return _capitalised(asked)
    return [word for word in _words(asked) if word not in before] or _capitalised(asked)


def _capitalised(text: str) -> list[str]:
    return [word for word in _words(text)[1:] if word[0].isupper()]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _written(tool: Tool, hints: list[str], rng: random.Random) -> str:
    try:
        if tool.kind == "custom":
            return _custom_input(tool, rng)
        schema = tool.declared.get("parameters") or {"type": "object", "properties": {}}
        if tool.declared.get("strict"):
            return compact(document(schema, rng, hints))
        return compact(_loosely(schema, rng, hints))
    except UNFOLLOWED as error:
        raise RefusalError(f"Invalid schema for function '{tool.name}': {error}", param="tools") from error


def _loosely(schema: Any, rng: random.Random, hints: list[str]) -> Any:
    """What a model without constraints writes: words of the question where strings are due, whatever else is said."""
    found = document(schema, rng)
    given = list(hints)
    if not isinstance(found, dict):
        return {}
    return {name: given.pop(0) if given and isinstance(value, str) else value for name, value in found.items()}


def _custom_input(tool: Tool, rng: random.Random) -> str:
    form = tool.declared.get("format") or {"type": "text"}
    if form["type"] == "text":
        return " ".join(rng.choice(words()[:300]) for _ in range(3))
    if form["grammar"]["syntax"] != "regex":
        raise RefusalError("Grammars of syntax 'lark' are not supported by this model.", param="tools")
    return matching(form["grammar"]["definition"], rng)


def tools_text(body: Mapping[str, Any]) -> str:
    """The declared tools as the model reads them."""
    tools = declared_tools(body)
    return "".join(f"{tool.kind} {json.dumps(tool.declared, sort_keys=True)}\n" for tool in tools)
