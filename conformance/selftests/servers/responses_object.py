"""The response object: what every answer and every event of a lifecycle holds, with the settings of its request."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .chat import TIERS, moderation_result
from .settings import given

_AS_SENT = (
    "instructions", "max_output_tokens", "max_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
    "prompt_cache_retention", "safety_identifier", "user",
)  # fmt: skip
"""Fields that are told as they were sent, null where they were not."""

_DEFAULTS: Mapping[str, Any] = {
    "background": False,
    "metadata": {},
    "parallel_tool_calls": True,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}
"""Fields that are told as they were sent, and their defaults."""

_WHERE_SENT = ("access_programs", "context_management", "prompt_cache_options")
"""Fields that are told where they were sent."""

_TOOL_MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "function": {"description": None, "parameters": None, "strict": None},
    "namespace": {},
}


def describe(
    body: Mapping[str, Any],
    *,
    name: str,
    created: int,
    status: str,
    output: Sequence[Any],
    usage: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the response object. `name`: its id. `created`: when it was asked for, in seconds since 1970."""
    tier = given(body, "service_tier", "auto")
    incomplete = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": name,
        "object": "response",
        "created_at": created,
        "status": status,
        "completed_at": int(time.time()) if status == "completed" else None,
        "error": None,
        "incomplete_details": incomplete,
        "model": body["model"],
        "output": list(output),
        **{each: body.get(each) for each in _AS_SENT},
        **{each: given(body, each, default) for each, default in _DEFAULTS.items()},
        **{each: body[each] for each in _WHERE_SENT if body.get(each) is not None},
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "reasoning": _reasoning(given(body, "reasoning", {})),
        "service_tier": TIERS.get(tier, tier),
        "text": {"format": {"type": "text"}, "verbosity": "medium"} | _without_nulls(given(body, "text", {})),
        "tools": [{**_TOOL_MEMBERS.get(tool["type"], {}), **tool} for tool in given(body, "tools", ())],
        **_conversation(body),
        **_image(body),
        **_moderation(body, status),
        "usage": usage,
    }


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if each is not None}


def _reasoning(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"effort": None, "summary": None, **asked}


def _conversation(body: Mapping[str, Any]) -> dict[str, Any]:
    conversation = body.get("conversation")
    if conversation is None:
        return {"conversation": None}
    return {"conversation": {"id": conversation if isinstance(conversation, str) else conversation["id"]}}


def _image(body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("image") is None:
        return {}
    policy = body["image"].get("context_compression", "auto")
    return {"image": {"context_compression": "disabled" if policy == "auto" else policy}}


def _moderation(body: Mapping[str, Any], status: str) -> dict[str, Any]:
    """The outcome of moderation, where it was asked for and the response has ended."""
    wanted = body.get("moderation")
    if wanted is None or status in ("queued", "in_progress"):
        return {}
    result = moderation_result(wanted["model"])
    return {"moderation": {"input": result, "output": result}}


def usage_of(prompt: int, output: int, thought: int) -> dict[str, Any]:
    """Return the usage of so many tokens. `thought`: how many of the output's are thoughts."""
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": prompt + output,
    }
