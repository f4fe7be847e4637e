"""What the items of a conversation may be that is given to /v1/responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .checks import Check, anything, array, by_type, missing, nullable, one_of, record, string, string_or, wrong_type
from .interface import RefusalError

_STATUS = nullable(one_of("in_progress", "completed", "incomplete"))
_KNOWN = {"type": anything, "id": nullable(string(least=1)), "status": _STATUS}
"""Members of items that answers have, and that come back with them."""
_DETAIL = nullable(one_of("low", "high", "auto", "original"))
_BREAKPOINT = {"type": anything, "prompt_cache_breakpoint": anything}


def _one_given(check: Check, *names: str) -> Check:
    """The same, where one of the members must be there."""

    def checked(path: str, value: Any) -> None:
        check(path, value)
        if all(value.get(name) is None for name in names):
            raise missing(f"{path}.{names[0]}")

    return checked


_TEXT = record({**_BREAKPOINT, "text": string()}, required=("text",))
_IMAGE = _one_given(
    record(
        {
            **_BREAKPOINT,
            "image_url": nullable(string(least=1)),
            "file_id": nullable(string(least=1)),
            "detail": _DETAIL,
        }
    ),
    "image_url",
    "file_id",
)
_FILE = _one_given(
    record(
        {
            **_BREAKPOINT,
            "file_data": nullable(string(least=1)),
            "file_id": nullable(string(least=1)),
            "file_url": nullable(string(least=1)),
            "filename": nullable(string()),
            "detail": _DETAIL,
        }
    ),
    "file_data",
    "file_id",
    "file_url",
)
_SOUND = record({"data": string(least=1), "format": one_of("wav", "mp3")}, required=("data", "format"))
_USER_PARTS: dict[str, Check] = {
    "input_text": _TEXT,
    "input_image": _IMAGE,
    "input_file": _FILE,
    "input_audio": record({"type": anything, "input_audio": _SOUND}, required=("input_audio",)),
}
_OUTPUT_PARTS = {name: check for name, check in _USER_PARTS.items() if name != "input_audio"}
_ASSISTANT_PARTS: dict[str, Check] = {
    "output_text": record(
        {
            "type": anything,
            "text": string(),
            "annotations": nullable(array(anything)),
            "logprobs": nullable(array(anything)),
        },
        required=("text",),
    ),
    "refusal": record({"type": anything, "refusal": string()}, required=("refusal",)),
}
_MESSAGE = {**_KNOWN, "role": anything, "phase": nullable(one_of("commentary", "final_answer"))}


def _message_of(parts: Mapping[str, Check]) -> Check:
    content = string_or(array(by_type(parts)))
    return record({**_MESSAGE, "content": content}, required=("content",))


_SAYS = _message_of(_USER_PARTS)
_BY_ROLE = by_type(
    {"user": _SAYS, "system": _SAYS, "developer": _SAYS, "assistant": _message_of(_ASSISTANT_PARTS)}, key="role"
)


def _arguments(path: str, value: Any) -> None:
    string()(path, value)
    try:
        json.loads(value)
    except (ValueError, RecursionError) as error:
        raise RefusalError(f"Invalid '{path}': no JSON.", param=path, code="invalid_value") from error


_CALLED = {
    **_KNOWN,
    "call_id": string(least=1),
    "name": string(least=1),
    "namespace": nullable(string()),
    "caller": anything,
    "async": anything,
}
_OUTPUT = {
    **_KNOWN,
    "call_id": string(least=1),
    "output": string_or(array(by_type(_OUTPUT_PARTS))),
    "caller": anything,
    "name": nullable(string()),
    "namespace": nullable(string()),
}


def _texts(kind: str) -> Check:
    return array(record({"type": one_of(kind), "text": string()}, required=("type", "text")))


_REASONING = record(
    {
        **_KNOWN,
        "summary": _texts("summary_text"),
        "content": nullable(_texts("reasoning_text")),
        "encrypted_content": nullable(string()),
    },
    required=("summary",),
)
HOSTED = (
    "web_search_call", "file_search_call", "computer_call", "computer_call_output", "code_interpreter_call",
    "image_generation_call", "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
    "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response",
    "mcp_call", "tool_search_call", "tool_search_output", "program", "program_output", "additional_tools",
    "compaction_trigger", "configuration_update", "agent_message",
)  # fmt: skip
"""Kinds of items of tools that OpenAI runs, and of its own clients: they are read as they are."""

_BY_TYPE = by_type(
    {
        "message": _BY_ROLE,
        "function_call": record({**_CALLED, "arguments": _arguments}, required=("call_id", "name", "arguments")),
        "function_call_output": record(_OUTPUT, required=("call_id", "output")),
        "custom_tool_call": record({**_CALLED, "input": string()}, required=("call_id", "name", "input")),
        "custom_tool_call_output": record(_OUTPUT, required=("call_id", "output")),
        "reasoning": _REASONING,
        "item_reference": record({"type": anything, "id": string(least=1)}, required=("id",)),
        "compaction": record(
            {**_KNOWN, "encrypted_content": string(least=1), "created_by": anything}, required=("encrypted_content",)
        ),
        **dict.fromkeys(HOSTED, record({}, closed=False)),
    }
)


def ITEM(path: str, value: Any) -> None:  # noqa: N802 - a check like the constants of its kind
    """One item; a message may come without its type, a reference too."""
    if not isinstance(value, Mapping):
        raise wrong_type(path, value, "an object")
    if value.get("type") is not None:
        _BY_TYPE(path, value)
    elif set(value) <= {"type", "id"} and "id" in value:
        string(least=1)(f"{path}.id", value["id"])
    else:
        _BY_ROLE(path, value)


ITEMS = array(ITEM)
