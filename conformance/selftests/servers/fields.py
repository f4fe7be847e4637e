"""Every request field of the endpoints, with what its value may be.

Source: the request schemas of OpenAI's API (openai-openapi, 2026-08-21), and the answers that OpenAI was seen to give
to bad requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from conformance.checklist.field_values import FieldValues
from conformance.checklist.rows import field_values
from conformance.judge.catalog import load_catalog
from conformance.probes.endpoints import ENDPOINTS, RequestEndpoint

from .checks import (
    Check,
    anything,
    array,
    boolean,
    by_type,
    integer,
    kind_of,
    mapping,
    missing,
    nullable,
    number,
    one_of,
    record,
    string,
    string_or,
    wrong_type,
)
from .interface import RefusalError
from .messages import MESSAGE, TEXT_PART
from .responses_fields import RESPONSES
from .shared_fields import EFFORT, METADATA, MODERATION, NAME, schema
from .vocabulary import SIZE

INT64 = 2**63


def _bias(path: str, value: Any, tokens: int) -> None:
    mapping(number(-100, 100))(path, value)
    for key in value:
        if not key.isdecimal() or int(key) >= tokens:
            message = f"Invalid key in '{path}': {key[:20]}. Expected a token id below {tokens}."
            raise RefusalError(message, param=path, code="invalid_value")


def _bias_of(tokens: int) -> Check:
    """Faults of single biases are told of the field. `tokens`: how many there are."""

    def checked(path: str, value: Any) -> None:
        try:
            _bias(path, value, tokens)
        except RefusalError as refusal:
            raise RefusalError(refusal.message, param=path, code=refusal.code) from refusal

    return checked


STOP = string_or(array(string(least=1), least=0, most=4))
_STREAM_OPTIONS = record({"include_usage": boolean, "include_obfuscation": boolean})


_FUNCTION = record(
    {
        "name": NAME,
        "description": string(),
        "parameters": nullable(schema),
        "strict": nullable(boolean),
    },
    required=("name",),
)

_GRAMMAR = record({"syntax": one_of("lark", "regex"), "definition": string()}, required=("syntax", "definition"))
_CUSTOM_FORMAT = by_type(
    {
        "text": record({"type": anything}),
        "grammar": record({"type": anything, "grammar": _GRAMMAR}, required=("grammar",)),
    }
)
_CUSTOM = record({"name": NAME, "description": string(), "format": _CUSTOM_FORMAT}, required=("name",))
TOOL = by_type(
    {
        "function": record({"type": anything, "function": _FUNCTION}, required=("function",)),
        "custom": record({"type": anything, "custom": _CUSTOM}, required=("custom",)),
    }
)
_NAMED = record({"name": NAME}, required=("name",))
_ALLOWED = record(
    {"mode": one_of("auto", "required"), "tools": array(mapping(anything), least=1)}, required=("mode", "tools")
)
_TOOL_CHOICE = string_or(
    by_type(
        {
            "function": record({"type": anything, "function": _NAMED}, required=("function",)),
            "custom": record({"type": anything, "custom": _NAMED}, required=("custom",)),
            "allowed_tools": record({"type": anything, "allowed_tools": _ALLOWED}, required=("allowed_tools",)),
        }
    ),
    one_of("none", "auto", "required"),
)

_JSON_SCHEMA = record(
    {"name": NAME, "description": string(), "schema": schema, "strict": nullable(boolean)}, required=("name",)
)
RESPONSE_FORMAT = by_type(
    {
        "text": record({"type": anything}),
        "json_object": record({"type": anything}),
        "json_schema": record({"type": anything, "json_schema": _JSON_SCHEMA}, required=("json_schema",)),
    }
)

_VOICE = string_or(record({"id": string(least=1)}, required=("id",)))
_AUDIO = record(
    {"voice": _VOICE, "format": one_of("wav", "aac", "mp3", "flac", "opus", "pcm16")}, required=("voice", "format")
)
_PLACE = record({"city": string(), "country": string(), "region": string(), "timezone": string()})
_SEARCH = record(
    {
        "search_context_size": one_of("low", "medium", "high"),
        "user_location": nullable(
            record(
                {"type": one_of("approximate"), "approximate": _PLACE},
                required=("type", "approximate"),
            )
        ),
    }
)
_PREDICTION = record(
    {"type": one_of("content"), "content": string_or(array(TEXT_PART, least=1))}, required=("type", "content")
)
_BOTH: dict[str, Check] = {
    "model": string(),
    "frequency_penalty": nullable(number(-2, 2)),
    "logit_bias": nullable(_bias_of(SIZE)),
    "n": nullable(integer(1, 128)),
    "presence_penalty": nullable(number(-2, 2)),
    "seed": nullable(integer(-INT64, INT64)),
    "stop": nullable(STOP),
    "stream": nullable(boolean),
    "stream_options": nullable(_STREAM_OPTIONS),
    "temperature": nullable(number(0, 2)),
    "top_p": nullable(number(0, 1)),
    "user": string(),
}

CHAT: dict[str, Check] = {
    **_BOTH,
    "messages": array(MESSAGE, least=1),
    "audio": nullable(_AUDIO),
    "function_call": string_or(_NAMED, one_of("none", "auto")),
    "functions": array(_FUNCTION, least=1, most=128),
    "logprobs": nullable(boolean),
    "max_completion_tokens": nullable(integer(1)),
    "max_tokens": nullable(integer(1)),
    "metadata": nullable(METADATA),
    "modalities": nullable(array(one_of("text", "audio"), least=1)),
    "moderation": nullable(MODERATION),
    "parallel_tool_calls": boolean,
    "prediction": nullable(_PREDICTION),
    "prompt_cache_key": nullable(string()),
    "prompt_cache_options": record({"mode": one_of("implicit", "explicit"), "ttl": one_of("30m")}),
    "prompt_cache_retention": nullable(one_of("in_memory", "24h")),
    "reasoning_effort": nullable(EFFORT),
    "response_format": RESPONSE_FORMAT,
    "safety_identifier": nullable(string(most=64)),
    "service_tier": nullable(one_of("auto", "default", "flex", "scale", "priority", "fast")),
    "store": nullable(boolean),
    "tool_choice": _TOOL_CHOICE,
    "tools": array(TOOL, least=0, most=128),
    "top_logprobs": nullable(integer(0, 20)),
    "verbosity": nullable(one_of("low", "medium", "high")),
    "web_search_options": _SEARCH,
}
"""The 37 fields of /v1/chat/completions."""


def prompt_forms(path: str, value: Any, *, empty: bool = True, tokens: int = SIZE) -> None:
    """A string, strings, token ids, or arrays of token ids, of which there are so many."""
    token = integer(0, tokens - 1)
    if isinstance(value, str):
        string(least=0 if empty else 1)(path, value)
    elif not isinstance(value, list):
        raise wrong_type(path, value, "a string or an array")
    elif value and isinstance(value[0], str):
        array(string(least=0 if empty else 1), most=2048)(path, value)
    elif value and isinstance(value[0], list):
        array(array(token, least=1), most=2048)(path, value)
    else:
        array(token, least=1)(path, value)


COMPLETIONS: dict[str, Check] = {
    **_BOTH,
    "prompt": nullable(prompt_forms),
    "best_of": nullable(integer(1, 20)),
    "echo": nullable(boolean),
    "logprobs": nullable(integer(0, 5)),
    "max_tokens": nullable(integer(0)),
    "suffix": nullable(string()),
}
"""The 18 fields of /v1/completions."""

EMBEDDINGS: dict[str, Check] = {
    "input": lambda path, value: prompt_forms(path, value, empty=False),
    "model": string(),
    "dimensions": integer(1),
    "encoding_format": one_of("float", "base64"),
    "user": string(),
}
"""The 5 fields of /v1/embeddings."""

EXTENSIONS: dict[str, dict[str, Check]] = {
    "chat": {"reasoning": nullable(record({"effort": nullable(EFFORT)}, closed=False))},
    "completions": {"response_format": RESPONSE_FORMAT},
    "responses": {"think": nullable(boolean)},
    "embeddings": {},
}
"""What OpenAI's clause does not have, but other servers do."""

EXACT: dict[str, dict[str, Check]] = {
    "chat": CHAT,
    "completions": COMPLETIONS,
    "embeddings": EMBEDDINGS,
    "responses": RESPONSES,
}
"""Endpoint -> field -> what its value may be, to the letter of the clause."""


def like(values: FieldValues) -> Check:
    """Return the check of a field that has no exact one here: null, and values of the type of the valid one.

    The field's own nonsense is refused. Where every control sends the field, whatever is not of its type is taken.
    """

    def checked(path: str, value: Any) -> None:
        if value is None:
            return
        kind, due = kind_of(value), kind_of(values.valid)
        if value == values.invalid and kind == due:
            raise RefusalError(f"Invalid value: '{path}'.", param=path, code="invalid_value")
        if values.valid is None:
            due = "another type" if kind == kind_of(values.invalid) else kind
        if kind != due and (kind, due) != ("integer", "decimal"):
            raise wrong_type(path, value, due)

    return checked


def _with_derived(endpoint: type[RequestEndpoint[Any]]) -> dict[str, Check]:
    exact = EXACT.get(endpoint.name, {})
    derived = {name: like(each) for name, each in field_values(endpoint.name).items() if name not in exact}
    return {**exact, **derived}


load_catalog()  # declares the fields
FIELDS: dict[str, dict[str, Check]] = {
    endpoint.name: _with_derived(endpoint) for endpoint in ENDPOINTS if issubclass(endpoint, RequestEndpoint)
}
"""Endpoint -> field -> what its value may be: exactly, or after the values that the field's row is declared with."""

REQUIRED = {
    endpoint.name: [name for name in endpoint.required if name != "model"]
    for endpoint in ENDPOINTS
    if issubclass(endpoint, RequestEndpoint)
}
"""Endpoint -> its required fields beside the model."""

COMPANIONS = {
    "tool_choice": ("tools",),
    "parallel_tool_calls": ("tools",),
    "function_call": ("functions",),
    "top_logprobs": ("logprobs",),
    "stream_options": ("stream",),
}
"""Field -> the fields of which one must be there for it to be allowed."""


@cache
def _of_tokens(endpoint: str, tokens: int) -> dict[str, Check]:
    """Return the checks of fields that hold token ids, of which there are so many."""
    prompt: Check = partial(prompt_forms, empty=endpoint != "embeddings", tokens=tokens)
    held: dict[str, dict[str, Check]] = {
        "chat": {"logit_bias": nullable(_bias_of(tokens))},
        "completions": {"logit_bias": nullable(_bias_of(tokens)), "prompt": nullable(prompt)},
        "embeddings": {"input": prompt},
    }
    return held.get(endpoint, {})


def check_body(endpoint: str, body: Mapping[str, Any], *, extensions: bool = False, tokens: int = SIZE) -> None:
    """Refuse a body whose members are not what they should be, each by itself. `tokens`: how many the model has.

    Raises:
        RefusalError: naming the first that is not.
    """
    fields = FIELDS[endpoint] | (EXTENSIONS.get(endpoint, {}) if extensions else {})
    if tokens != SIZE:
        fields = fields | _of_tokens(endpoint, tokens)
    if "model" not in body:
        raise RefusalError("you must provide a model parameter")
    for name in REQUIRED[endpoint]:
        if name not in body:
            raise missing(name)
    record(fields)("", body)
