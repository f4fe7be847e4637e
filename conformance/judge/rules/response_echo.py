"""Rows of the fields that a response of /v1/responses repeats: what it says of its request is what was asked.

An echo is no effect. But a response that tells another value than was sent misleads its reader, also where the field
itself is ignored. Only values that the clause allows are compared; what OpenAI itself writes in another way
(defaults that it fills in, schemas that it completes, a summary that it chooses) is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.endpoints.responses import Responses
from conformance.probes.response_output import TERMINAL_EVENTS
from conformance.probes.response_views import as_finite_float, as_int64, as_list, get_path
from conformance.wire.exchange import Exchange

from .registry import Applies, Check, applies_to_plain, applies_to_stream, rule

IS_PLAIN = applies_to_plain(Responses, sampled=True)
IS_STREAM = applies_to_stream(Responses)

_RELATIVE_ERROR = 1e-5
"""Of a number that a server keeps in 32 bits."""


def _is_same(sent: Any, told: Any) -> bool | None:
    """Tell whether a value is the one that was sent; a number, up to rounding. It never compares two nestings."""
    if isinstance(sent, bool) or isinstance(told, bool):
        return sent is told
    if isinstance(sent, int | float):
        number = as_finite_float(told)
        return number is not None and math.isclose(number, sent, rel_tol=_RELATIVE_ERROR, abs_tol=_RELATIVE_ERROR)
    return isinstance(told, str) and sent == told


def _holds(sent: Any, told: Any) -> bool | None:
    """Tell whether an object holds each member that was sent. What the server adds is its own affair."""
    if isinstance(sent, Mapping):
        return isinstance(told, Mapping) and all(_holds(value, told.get(name)) for name, value in sent.items())
    if isinstance(sent, list):
        held = as_list(told)
        return len(held) == len(sent) and all(_holds(value, each) for value, each in zip(sent, held, strict=True))
    return told is None if sent is None else _is_same(sent, told)


def _spelled_alike(sent: Any, told: Any) -> bool | None:
    """Tell whether two words are the same but for `-` and `_`: OpenAI has written `in-memory` in both ways."""
    return isinstance(told, str) and sent.replace("-", "_") == told.replace("-", "_")


def _is_instruction(sent: Any, told: Any) -> bool | None:
    """A server may tell instructions as the items that it made of them: then nothing is compared."""
    return None if isinstance(told, list) else _is_same(sent, told)


def _are_tools(sent: Any, told: Any) -> bool | None:
    """Tell whether the tools are there, in their order. OpenAI completes their schemas, which are not compared."""
    held = as_list(told)
    if len(held) != len(sent):
        return False
    # A hosted tool may be told by the date of its version.
    named = ("function", "custom")
    pairs = [(tool, each) for tool, each in zip(sent, held, strict=True) if tool["type"] in named]
    return all(get_path(each, name) == tool.get(name) for tool, each in pairs for name in ("type", "name"))


_TEXT_WORDS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("verbosity",): ("low", "medium", "high"),
    ("format", "type"): ("text", "json_schema", "json_object"),
}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _is_text(sent: Any, told: Any) -> bool | None:
    """Tell whether type of the format and verbosity are those sent, where they are told. Schemas are not compared."""
    given = [(get_path(sent, *path), get_path(told, *path), words) for path, words in _TEXT_WORDS.items()]
    same = [_is_same(value, other) for value, other, words in given if value in words and other is not None]
    return all(same) if same else None


def _is_effort(sent: Any, told: Any) -> bool | None:
    """Compare the effort where one is told: a model that does not think has none. `auto` summaries become others."""
    effort, other = get_path(sent, "effort"), get_path(told, "effort")
    return None if effort not in _EFFORTS or other is None else _is_same(effort, other)


def _is_conversation(sent: Any, told: Any) -> bool | None:
    return _is_same(get_path(sent, "id") if isinstance(sent, Mapping) else sent, get_path(told, "id"))


def _is_boolean(sent: Any) -> bool:
    return isinstance(sent, bool)


def _is_word(sent: Any) -> bool:
    return isinstance(sent, str) and 0 < len(sent) <= 512


def _is_named(sent: Any) -> bool:
    return _is_word(sent) or _is_word(get_path(sent, "id"))


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda sent: sent in words if isinstance(sent, str) else False


def _between(least: float, most: float) -> Callable[[Any], bool]:
    def is_between(sent: Any) -> bool:
        number = as_finite_float(sent)
        return number is not None and least <= number <= most

    return is_between


def _count(least: int, most: int) -> Callable[[Any], bool]:
    def is_count(sent: Any) -> bool:
        number = as_int64(sent)
        return number is not None and least <= number <= most

    return is_count


def _is_metadata(sent: Any) -> bool:
    return (
        isinstance(sent, Mapping) and 0 < len(sent) <= 16 and all(isinstance(value, str) for value in sent.values())
    )


def _is_choice(sent: Any) -> bool:
    return sent in ("none", "auto", "required") if isinstance(sent, str) else isinstance(get_path(sent, "type"), str)


def _declares_chosen(body: Any) -> bool:
    """Tell whether there are tools, and among them the one that is chosen by its name."""
    names = [get_path(tool, "name") for tool in as_list(get_path(body, "tools"))]
    chosen = get_path(body, "tool_choice", "name")
    return bool(names) and (chosen is None or chosen in names)


def _are_typed(sent: Any) -> bool:
    return isinstance(sent, list) and all(isinstance(get_path(tool, "type"), str) for tool in sent)


def _is_object(sent: Any) -> bool:
    return isinstance(sent, Mapping) and bool(sent)


@dataclass(frozen=True, kw_only=True)
class Echo:
    """How a response repeats a field."""

    is_valid: Callable[[Any], bool]
    """Whether the clause allows a value: what a server makes of others is not judged here."""
    compare: Callable[[Any, Any], bool | None] = _is_same
    """Whether a value told is the one sent; None where that cannot be said."""
    may_be_null: bool = False
    """Whether null says that the server does not tell, or that it has none."""
    fits: Callable[[Any], bool] = lambda _: True
    """Whether the rest of the request's body allows it."""


ECHOES: Mapping[str, Echo] = {
    "background": Echo(is_valid=_is_boolean),
    "conversation": Echo(is_valid=_is_named, compare=_is_conversation, may_be_null=True),
    "instructions": Echo(is_valid=lambda sent: isinstance(sent, str) and sent != "", compare=_is_instruction),
    "max_output_tokens": Echo(is_valid=_count(16, 100_000)),
    "max_tool_calls": Echo(is_valid=_count(1, 1000)),
    "metadata": Echo(is_valid=_is_metadata, compare=_holds),
    "parallel_tool_calls": Echo(is_valid=_is_boolean),
    "previous_response_id": Echo(is_valid=_is_word, may_be_null=True),
    "prompt_cache_key": Echo(is_valid=_is_word, may_be_null=True),
    "prompt_cache_retention": Echo(
        is_valid=_one_of("in-memory", "in_memory", "24h"), compare=_spelled_alike, may_be_null=True
    ),
    "reasoning": Echo(is_valid=_is_object, compare=_is_effort, may_be_null=True),
    "safety_identifier": Echo(is_valid=_is_word, may_be_null=True),
    "store": Echo(is_valid=_is_boolean),
    "temperature": Echo(is_valid=_between(0, 2)),
    "text": Echo(is_valid=_is_object, compare=_is_text),
    "tool_choice": Echo(is_valid=_is_choice, compare=_holds, fits=_declares_chosen),
    "tools": Echo(is_valid=_are_typed, compare=_are_tools),
    "top_logprobs": Echo(is_valid=_count(0, 20)),
    "top_p": Echo(is_valid=_between(0, 1)),
    "truncation": Echo(is_valid=_one_of("auto", "disabled")),
    "user": Echo(is_valid=_is_word, may_be_null=True),
}
"""Fields that a response repeats. `model` has a row of its own, and `service_tier` tells what was used."""


def read_response(exchange: Exchange) -> Any:
    """Return the response that an answer holds; of a stream, the one at its end; None where there is none."""
    if not exchange.call.streams:
        return exchange.json
    bodies = (event.json for event in reversed(exchange.events))
    return next((get_path(body, "response") for body in bodies if get_path(body, "type") in TERMINAL_EVENTS), None)


def _sends(field: str, echo: Echo) -> Applies:
    def sends(exchange: Exchange) -> bool:
        body = exchange.call.body
        return (
            (IS_PLAIN(exchange) or IS_STREAM(exchange)) and echo.is_valid(get_path(body, field)) and echo.fits(body)
        )

    return sends


def _check_echo(field: str, echo: Echo) -> Check:
    def check(exchange: Exchange) -> str | None:
        body = read_response(exchange)
        if not isinstance(body, dict) or field not in body or (body[field] is None and echo.may_be_null):
            return None
        same = echo.compare(get_path(exchange.call.body, field), body[field])
        return None if same is None else "" if same else f"`{field}` of the response is not what was sent"

    return check


for _field, _echo in ECHOES.items():
    rule(
        f"responses/response/echo/{_field}",
        _sends(_field, _echo),
        severity=Severity.SHOULD,
        title=f"`{_field}` is told as it was sent",
        description=f"Where a response has `{_field}`, it is the value that was sent.",
        chance=chance.RULE_STATUS,
        lack=f"no response tells `{_field}`",
    )(_check_echo(_field, _echo))
