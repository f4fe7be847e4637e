"""For every request field a valid value and nonsense of another type: what tells a field that somebody reads.

Source of fields and types: the request schemas of OpenAI's API (openai-openapi, 2026-08-21) and of the SDK 3.52.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class FieldValues:
    """A valid value, nonsense, and what must be sent beside the valid value for it to be valid."""

    valid: Any
    invalid: Any
    context: Mapping[str, Any] = field(default_factory=dict)


def _values(valid: Any, junk: Any, **context: Any) -> FieldValues:
    return FieldValues(valid=valid, invalid=junk, context=context)


_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
_FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}

_BOTH = {
    "model": _values(None, 7),
    "frequency_penalty": _values(0.5, "zz"),
    "logit_bias": _values({"300": 1}, "zz"),
    "max_tokens": _values(1, "zz"),
    "n": _values(1, "zz"),
    "presence_penalty": _values(0.5, "zz"),
    "seed": _values(11, "zz"),
    "stop": _values("zz", 7),
    "stream": _values(False, "zz"),
    "stream_options": _values({"include_usage": True}, 7, stream=True),
    "temperature": _values(0.5, "hot"),
    "top_p": _values(0.9, "wide"),
    "user": _values("zq-user", {}),
}

CHAT = {
    **_BOTH,
    "messages": _values(None, "x"),
    "audio": _values({"voice": "alloy", "format": "wav"}, 7, modalities=["text", "audio"]),
    "function_call": _values("auto", 7, functions=[_FUNCTION]),
    "functions": _values([_FUNCTION], "zz"),
    "logprobs": _values(True, "zz"),
    "max_completion_tokens": _values(1, "zz"),
    "metadata": _values({"zq": "1"}, 7),
    "modalities": _values(["text"], ["zz"]),
    "moderation": _values({"model": "omni-moderation-latest"}, 7),
    "parallel_tool_calls": _values(False, "zz", tools=[_TOOL]),
    "prediction": _values({"type": "content", "content": "a"}, 7),
    "prompt_cache_key": _values("zq", {}),
    "prompt_cache_options": _values({"mode": "implicit", "ttl": "30m"}, 7),
    "prompt_cache_retention": _values("in_memory", "zz_bogus"),
    "reasoning_effort": _values("low", "zz_bogus"),
    "response_format": _values({"type": "text"}, {"type": "zz_bogus"}),
    "safety_identifier": _values("zq-user", {}),
    "service_tier": _values("default", "zz_bogus"),
    "store": _values(False, "zz"),
    "tool_choice": _values("auto", 7, tools=[_TOOL]),
    "tools": _values([_TOOL], "zz"),
    "top_logprobs": _values(2, "zz", logprobs=True),
    "verbosity": _values("low", "zz_bogus"),
    "web_search_options": _values({}, 7),
}

COMPLETIONS = {
    **_BOTH,
    "prompt": _values(None, {}),
    "best_of": _values(1, "zz"),
    "echo": _values(False, "zz"),
    "logprobs": _values(2, "zz"),
    "suffix": _values(" zz", 7),
}

EMBEDDINGS = {
    "input": _values(None, {}),
    "model": _values(None, 7),
    "dimensions": _values(8, "zz"),
    "encoding_format": _values("float", "zz_bogus"),
    "user": _values("zq-user", {}),
}

FIELD_VALUES = {"chat": CHAT, "completions": COMPLETIONS, "embeddings": EMBEDDINGS}
"""Endpoint -> field -> values. A valid None stands for what every control sends."""

MODEL_COPY_PREFIX = "gpt-3.5-turbo-conformance-alias"
"""Begins each name that rows copy a model to: like a client's default name, and one that no client would use."""
