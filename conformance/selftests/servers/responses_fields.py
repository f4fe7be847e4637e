"""Every request field of /v1/responses and of the operations below it, with what its value may be.

Source: the request schemas of OpenAI's API (openai-openapi, 2026-08-21), and for fields that these lack the types of
its SDK.
"""

from __future__ import annotations

from typing import Any

from .checks import (
    Check,
    anything,
    array,
    boolean,
    by_type,
    integer,
    mapping,
    nullable,
    number,
    one_of,
    record,
    string,
    string_or,
)
from .interface import RefusalError
from .responses_items import ITEMS
from .shared_fields import EFFORT, METADATA, MODERATION, NAME, schema

MIN_OUTPUT_TOKENS = 16
INCLUDABLE = (
    "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
    "message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs",
    "reasoning.encrypted_content", "message.output_text.logprobs",
)  # fmt: skip
INCLUDE = array(one_of(*INCLUDABLE))

_FUNCTION = {
    "type": anything,
    "name": NAME,
    "description": nullable(string()),
    "parameters": nullable(schema),
    "strict": nullable(boolean),
    "output_schema": anything,
    "defer_loading": boolean,
    "allowed_callers": anything,
    "async": boolean,
}
_GRAMMAR = {"type": anything, "syntax": one_of("lark", "regex"), "definition": string()}
_CUSTOM = {
    "type": anything,
    "name": NAME,
    "description": string(),
    "format": by_type(
        {"text": record({"type": anything}), "grammar": record(_GRAMMAR, required=("syntax", "definition"))}
    ),
    "defer_loading": boolean,
    "allowed_callers": anything,
    "async": boolean,
}
_CALLABLE: dict[str, Check] = {
    "function": record(_FUNCTION, required=("name",)),
    "custom": record(_CUSTOM, required=("name",)),
}
SEARCHES = ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")
ABSENT = (
    "computer", "computer_use_preview", "local_shell", "shell", "apply_patch", "tool_search",
    "programmatic_tool_calling",
)  # fmt: skip
"""Kinds of tools that this model does not have."""


def _has_not(_path: str, value: Any) -> None:
    message = f"Tool '{value['type']}' is not supported with this model."
    raise RefusalError(message, param="tools", code="unsupported_value")


_SEARCH = record(
    {
        "type": anything,
        "search_context_size": one_of("low", "medium", "high"),
        "user_location": nullable(record({}, closed=False)),
        "filters": nullable(record({}, closed=False)),
    },
    closed=False,
)
TOOL = by_type(
    {
        **_CALLABLE,
        "namespace": record(
            {
                "type": anything,
                "name": NAME,
                "description": string(),
                "tools": array(by_type(_CALLABLE), least=1),
            },
            required=("name", "description", "tools"),
        ),
        **dict.fromkeys(SEARCHES, _SEARCH),
        "file_search": record(
            {"vector_store_ids": array(string(least=1), least=1)}, required=("vector_store_ids",), closed=False
        ),
        "code_interpreter": record(
            {"container": string_or(mapping(anything))}, required=("container",), closed=False
        ),
        "image_generation": record({}, closed=False),
        "mcp": record({"server_label": string(least=1)}, required=("server_label",), closed=False),
        **dict.fromkeys(ABSENT, _has_not),
    }
)
_NAMED = record({"type": anything, "name": NAME}, required=("name",))
_HOSTED_CHOICE = record({"type": anything})
TOOL_CHOICE = string_or(
    by_type(
        {
            "function": _NAMED,
            "custom": _NAMED,
            "allowed_tools": record(
                {"type": anything, "mode": one_of("auto", "required"), "tools": array(mapping(anything), least=1)},
                required=("mode", "tools"),
            ),
            "mcp": record(
                {"type": anything, "server_label": string(), "name": nullable(string())}, required=("server_label",)
            ),
            **dict.fromkeys(
                (*SEARCHES, *ABSENT, "file_search", "code_interpreter", "image_generation"), _HOSTED_CHOICE
            ),
        }
    ),
    one_of("none", "auto", "required"),
)
_FORMAT = by_type(
    {
        "text": record({"type": anything}),
        "json_object": record({"type": anything}),
        "json_schema": record(
            {
                "type": anything,
                "name": NAME,
                "description": string(),
                "schema": schema,
                "strict": nullable(boolean),
            },
            required=("name", "schema"),
        ),
    }
)
TEXT = record({"format": _FORMAT, "verbosity": nullable(one_of("low", "medium", "high"))})
_SUMMARY = nullable(one_of("auto", "concise", "detailed"))
REASONING = record(
    {
        "effort": nullable(EFFORT),
        "summary": _SUMMARY,
        "generate_summary": _SUMMARY,
        "context": nullable(one_of("auto", "current_turn", "all_turns")),
        "mode": nullable(one_of("standard", "pro")),
    }
)
_CONVERSATION = string_or(record({"id": string(least=1)}, required=("id",)))
_PROMPT = record(
    {"id": string(least=1), "version": nullable(string()), "variables": nullable(mapping(anything))}, required=("id",)
)
_COMPACTION = record({"type": one_of("compaction"), "compact_threshold": nullable(integer(1000))}, required=("type",))
_CACHE_OPTIONS = record(
    {
        "mode": one_of("implicit", "explicit"),
        "ttl": one_of("30m", "12h"),
        "prewarm": boolean,
        "comparison_response_id": nullable(string()),
    }
)
_TRUNCATION = one_of("auto", "disabled")
_INPUT = string_or(ITEMS)

_SHARED: dict[str, Check] = {
    "conversation": nullable(_CONVERSATION),
    "input": _INPUT,
    "instructions": nullable(string()),
    "parallel_tool_calls": nullable(boolean),
    "previous_response_id": nullable(string()),
    "reasoning": nullable(REASONING),
    "text": TEXT,
    "tool_choice": TOOL_CHOICE,
    "tools": array(TOOL, most=128),
    "truncation": nullable(_TRUNCATION),
}
"""Fields of a request that generates, and of one that only counts."""

RESPONSES: dict[str, Check] = {
    **_SHARED,
    "model": string(),
    "access_programs": record({"cyber": one_of("standard", "daybreak_blue", "daybreak_red")}),
    "background": nullable(boolean),
    "context_management": nullable(array(_COMPACTION, least=1)),
    "image": record({"context_compression": one_of("auto", "enabled", "disabled")}),
    "include": nullable(INCLUDE),
    "max_output_tokens": nullable(integer(MIN_OUTPUT_TOKENS)),
    "max_tool_calls": nullable(integer(1)),
    "metadata": nullable(METADATA),
    "moderation": nullable(MODERATION),
    "prompt": nullable(_PROMPT),
    "prompt_cache_key": nullable(string(most=64)),
    "prompt_cache_options": _CACHE_OPTIONS,
    "prompt_cache_retention": nullable(one_of("in_memory", "24h")),
    "safety_identifier": nullable(string(most=64)),
    "service_tier": nullable(one_of("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")),
    "store": nullable(boolean),
    "stream": nullable(boolean),
    "stream_options": nullable(record({"include_obfuscation": boolean})),
    "temperature": nullable(number(0, 2)),
    "top_logprobs": nullable(integer(0, 20)),
    "top_p": nullable(number(0, 1)),
    "user": string(),
}
"""The 33 fields of POST /v1/responses."""

INPUT_TOKENS: dict[str, Check] = {
    **{name: nullable(check) for name, check in _SHARED.items()},
    "model": nullable(string()),
    "personality": string(),
    "truncation": _TRUNCATION,
}
"""The 12 fields of POST /v1/responses/input_tokens."""

COMPACT: dict[str, Check] = {
    "model": nullable(string()),
    "image": RESPONSES["image"],
    "input": nullable(_INPUT),
    "instructions": nullable(string()),
    "previous_response_id": nullable(string()),
    "prompt_cache_key": nullable(string(most=64)),
    "prompt_cache_options": nullable(_CACHE_OPTIONS),
    "prompt_cache_retention": nullable(one_of("in_memory", "24h")),
    "service_tier": nullable(one_of("auto", "default", "fast", "flex", "priority")),
}
"""The 9 fields of POST /v1/responses/compact."""
