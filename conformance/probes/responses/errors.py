"""errors/responses: bad requests that only this endpoint has."""

from __future__ import annotations

from typing import Any

from conformance.checklist.rows import field_values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance
from conformance.probes.availability import send_bad, send_bad_raw
from conformance.probes.endpoints import Responses
from conformance.probes.errors import declare_bad_values, grade_error, judge_misuse
from conformance.probes.observation import Observation, broken, ignored, partial, supported
from conformance.probes.registry import probe
from conformance.probes.response_views import get_path
from conformance.wire.json_text import quote_value

from .inputs import BAD_ITEMS
from .state import UNKNOWN_ID
from .tools import FLAT_TOOL, INVENTED_TYPE

BAD_REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "unknown_field": ("A field that does not exist", "zz_unknown", {"zz_unknown": 1}),
    "empty_input": ("An empty array as input", "input", {"input": []}),
    "limit_below_minimum": ("A limit of 1 token; the least is 16", "max_output_tokens", {"max_output_tokens": 1}),
    "unknown_include": ("An unknown value of `include`", "include", {"include": ["zz.bogus"]}),
    "unknown_effort": ("An unknown effort", "effort", {"reasoning": {"effort": "zz_bogus"}}),
    "unknown_truncation": ("An unknown `truncation`", "truncation", {"truncation": "zz_bogus"}),
    "unknown_format": ("An unknown form of the text", "text", {"text": {"format": {"type": "zz_bogus"}}}),
    "format_without_name": (
        "A schema without a name", "text",
        {"text": {"format": {"type": "json_schema", "schema": FLAT_TOOL["parameters"]}}},
    ),
    "unknown_tool": ("A tool of an unknown type", "tools", {"tools": [{"type": INVENTED_TYPE}]}),
    "tool_of_chat": (
        "A function in chat's nested form", "tools",
        {"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": FLAT_TOOL["parameters"]}}]},
    ),
    "undeclared_tool": (
        "A tool that is demanded and not declared", "tool_choice",
        {"tools": [FLAT_TOOL], "tool_choice": {"type": "function", "name": "zq_undeclared"}},
    ),
    "unknown_choice": (
        "An unknown word as `tool_choice`", "tool_choice",
        {"tools": [FLAT_TOOL], "tool_choice": "zz"},
    ),
    "arguments_no_json": (
        "An earlier call whose arguments are no JSON", "input",
        {"input": [
            {"role": "user", "content": "Weather?"},
            {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "nope"},
            {"type": "function_call_output", "call_id": "call_1", "output": "ok"},
        ]},
    ),
}  # fmt: skip
"""Row -> what is wrong, the field that OpenAI names, and the fields of the request."""


def _declare(name: str, words: str, param: str, fields: dict[str, Any]) -> None:
    @probe(
        f"errors/responses/{name}",
        description=f"{words}: 400.",
        severity=Severity.SHOULD,
        capability="tools" if "tools" in fields else "chat",
        chance=chance.STATUS_AND_ERROR,
    )
    def bad_request(responses: Responses) -> Observation:
        *_, field = fields
        bad = send_bad(responses, **fields)
        if field not in field_values(responses.name):
            return grade_error(bad, 400, param=param)
        return judge_misuse(responses, field, bad, param=param)


for _name, (_words, _param, _fields) in BAD_REQUESTS.items():
    _declare(_name, _words, _param, _fields)
    *_, _field = _fields
    if _field != "max_output_tokens":  # where the limit is taken, all plain requests use it
        declare_bad_values(Responses.path, _field, _fields[_field])
for _name, _items in BAD_ITEMS.items():
    _declare(_name, f"An input with an {_name.replace('_', ' ')}", "input", {"input": _items})
    declare_bad_values(Responses.path, "input", _items)


@probe("errors/responses/wrong_method", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def wrong_method(responses: Responses) -> Observation:
    """GET where only POST is known: 405 with an envelope."""
    exchange = send_bad_raw(responses, method="GET")
    return grade_error(exchange, 404 if exchange.status == 404 else 405)


@probe("errors/responses/two_histories", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def two_histories(responses: Responses) -> Observation:
    """`previous_response_id` beside `conversation`: 400."""
    fields = {"previous_response_id": UNKNOWN_ID, "conversation": "conv_zq_unknown"}
    return grade_error(send_bad(responses, **fields), 400)


@probe("errors/responses/unknown_previous_response_id", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def unknown_previous(responses: Responses) -> Observation:
    """The id of no response as `previous_response_id`: 400 or 404, `previous_response_not_found`."""
    exchange = send_bad(responses, previous_response_id=UNKNOWN_ID)
    if exchange.accepted:
        return ignored(f"the bad request is answered with {exchange.status}")
    if exchange.status not in (400, 404):
        return broken(f"status {exchange.failure or exchange.status} where 400 or 404 is due")
    code = get_path(exchange.json, "error", "code")
    if code != "previous_response_not_found":
        return partial(f"status {exchange.status} is right; `code` is {quote_value(code)}")
    return supported(f"status {exchange.status} and code are right")


@probe("errors/responses/unknown_id", severity=Severity.SHOULD, chance=chance.STATUS_AND_ERROR)
def unknown_id(responses: Responses) -> Observation:
    """GET and DELETE of an unknown id: 404 with an envelope."""
    responses.ask_control()
    path = f"{responses.path}/{UNKNOWN_ID}"
    for exchange in (
        responses.attempt_retrieve(UNKNOWN_ID),
        responses.attempt_operation("DELETE", path, "responses.delete", UNKNOWN_ID),
    ):
        if exchange.accepted:
            return ignored(f"{exchange.call.method} of an unknown id is answered with {exchange.status}")
        if exchange.status != 404:
            return broken(f"{exchange.call.method} of an unknown id gives {exchange.failure or exchange.status}")
        if not isinstance(get_path(exchange.json, "error", "message"), str):
            return broken("status 404, but the body is no error envelope with a message")
    return supported("an unknown id is not found, with an error envelope")
