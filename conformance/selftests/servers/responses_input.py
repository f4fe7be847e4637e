"""A request of /v1/responses as chat would have it: items become messages, flat tools nested ones.

The model then reads the same tokens for the same conversation, whichever endpoint it came by.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .interface import RefusalError
from .messages import fetched
from .responses_fields import SEARCHES
from .responses_items import HOSTED
from .settings import given

Item = dict[str, Any]

_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "reasoning": "rs",
    "compaction": "cmp",
}
_SEAL = "mini-sealed:"


def new_id(kind: str) -> str:
    """Return an id for an item of a kind, or for another thing by its prefix."""
    return f"{_PREFIXES.get(kind, kind)}_{uuid.uuid4().hex}"


def seal(text: str) -> str:
    """Return text in a form that only this server reads."""
    return base64.b64encode((_SEAL + text).encode("utf-8", "surrogatepass")).decode()


def unseal(sealed: str) -> str:
    """Return the text that was sealed.

    Raises:
        RefusalError: this server has not sealed it.
    """
    try:
        text = base64.b64decode(sealed, validate=True).decode("utf-8", "surrogatepass")
    except ValueError:
        text = ""
    if not text.startswith(_SEAL):
        raise RefusalError(
            "The encrypted content could not be verified. Reason: it could not be decrypted or parsed.",
            param="input",
            code="invalid_encrypted_content",
        )
    return text.removeprefix(_SEAL)


def items_of(given_input: Any) -> list[Item]:
    """Return the items of an input in their whole form, each with an id; references stay as they are."""
    if given_input is None:
        return []
    listed = [{"role": "user", "content": given_input}] if isinstance(given_input, str) else given_input
    return [_whole(item) for item in listed]


def _whole(item: Mapping[str, Any]) -> Item:
    kind = item.get("type") or ("message" if "role" in item else "item_reference")
    if kind == "item_reference":
        return {"type": kind, "id": item["id"]}
    found: Item = {"id": item.get("id") or new_id(kind), "type": kind, **{k: v for k, v in item.items() if k != "id"}}
    found["type"] = kind
    if kind == "message":
        found["status"] = item.get("status") or "completed"
        if isinstance(item["content"], str):
            found["content"] = [_text_part(item["role"], item["content"])]
    return found


def _text_part(role: str, text: str) -> dict[str, Any]:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "input_text", "text": text}


def messages_of(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Return the messages that items make: what the assistant thinks, says and calls in a row is one.

    Raises:
        RefusalError: a file cannot be had, or what is sealed was not sealed here.
    """
    found: list[dict[str, Any]] = []
    for item in items:
        kind = item["type"]
        if kind == "message":
            _add_message(found, item)
        elif kind == "reasoning":
            found.append({"role": "assistant", "content": None, "reasoning": _thought(item)})
        elif kind in ("function_call", "custom_tool_call"):
            _add_call(found, item)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            output = item["output"]
            content = output if isinstance(output, str) else [_chat_part(part) for part in output]
            found.append({"role": "tool", "tool_call_id": item["call_id"], "content": content})
        elif kind == "compaction":
            found.append({"role": "assistant", "content": unseal(item["encrypted_content"])})
        elif kind in HOSTED:
            shown = {name: value for name, value in item.items() if name not in ("id", "status")}
            found.append({"role": "assistant", "content": json.dumps(shown, sort_keys=True)})
    return found


def _add_message(found: list[dict[str, Any]], item: Item) -> None:
    message: dict[str, Any] = {"role": item["role"], "content": [_chat_part(part) for part in item["content"]]}
    thinks = found and found[-1].get("reasoning") is not None and found[-1]["content"] is None
    if item["role"] == "assistant" and thinks and not found[-1].get("tool_calls"):
        message["reasoning"] = found.pop()["reasoning"]
    found.append(message)


def _add_call(found: list[dict[str, Any]], item: Item) -> None:
    if not found or found[-1]["role"] != "assistant":
        found.append({"role": "assistant", "content": None})
    kind, text = ("custom", "input") if item["type"] == "custom_tool_call" else ("function", "arguments")
    call = {"id": item["call_id"], "type": kind, kind: {"name": item["name"], text: item[text]}}
    found[-1].setdefault("tool_calls", []).append(call)


def _thought(item: Item) -> str:
    """What a reasoning item holds: the thoughts themselves, else the sealed ones, else their summary."""
    if item.get("content"):
        return "".join(part["text"] for part in item["content"])
    if item.get("encrypted_content"):
        return unseal(item["encrypted_content"])
    return "".join(part["text"] for part in item["summary"])


def _chat_part(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    if kind in ("input_text", "output_text"):
        return {"type": "text", "text": part["text"]}
    if kind == "input_image":
        if part.get("image_url") is None:
            raise RefusalError(f"No such File object: {part['file_id'][:60]}", param="input", status=404)
        return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": part.get("detail")}}
    if kind == "input_file":
        return _chat_file(part)
    return dict(part)


def _chat_file(part: Mapping[str, Any]) -> dict[str, Any]:
    if part.get("file_id") is not None:
        raise RefusalError(f"No such File object: {part['file_id'][:60]}", param="input", status=404)
    data = part.get("file_data")
    if data is None:
        data = base64.b64encode(fetched(part["file_url"], "input")).decode()
    elif data.startswith("data:text/"):
        return {"type": "text", "text": _plain_text(data)}
    return {"type": "file", "file": {"file_data": data, "filename": part.get("filename") or ""}}


def _plain_text(url: str) -> str:
    try:
        return base64.b64decode(url.partition(";base64,")[2], validate=True).decode()
    except ValueError as error:
        raise RefusalError("Invalid 'file_data': no text.", param="input", code="invalid_value") from error


def check_calls(items: Sequence[Item], *, results_due: bool) -> None:
    """Refuse results that nobody called for; with `results_due` also calls that nobody answered.

    Raises:
        RefusalError: naming the call.
    """
    made: set[str] = set()
    answered: set[str] = set()
    for item in items:
        if item["type"] in ("function_call", "custom_tool_call"):
            made.add(item["call_id"])
        elif item["type"] in ("function_call_output", "custom_tool_call_output"):
            if item["call_id"] not in made:
                message = f"No tool call found for function call output with call_id {item['call_id'][:60]}."
                raise RefusalError(message, param="input")
            answered.add(item["call_id"])
    if results_due and made - answered:
        raise RefusalError(f"No tool output found for function call {min(made - answered)[:60]}.", param="input")


def tools_of(body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the tools that the model itself may call, as chat declares them, and the namespaces of some by name."""
    found: list[dict[str, Any]] = []
    spaces: dict[str, str] = {}
    for tool in body.get("tools") or ():
        if tool["type"] == "namespace":
            spaces |= {inner["name"]: tool["name"] for inner in tool["tools"]}
            found += [_nested(inner, namespace=tool["name"]) for inner in tool["tools"]]
        elif tool["type"] in ("function", "custom"):
            found.append(_nested(tool))
    return found, spaces


def _nested(tool: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    kind = tool["type"]
    declared = {name: value for name, value in tool.items() if name != "type" and value is not None}
    form = declared.get("format")
    if form is not None and form["type"] == "grammar":
        declared["format"] = {
            "type": "grammar",
            "grammar": {name: value for name, value in form.items() if name != "type"},
        }
    return {"type": kind, kind: {**declared, **more}}


def _nested_choice(choice: Any) -> Any:
    """The choice as chat has it; that of a hosted tool leaves the model free."""
    if isinstance(choice, str):
        return choice
    if choice["type"] in ("function", "custom"):
        return {"type": choice["type"], choice["type"]: {"name": choice["name"]}}
    if choice["type"] == "allowed_tools":
        named = [entry for entry in choice["tools"] if entry.get("type") in ("function", "custom")]
        entries = [{"type": entry["type"], entry["type"]: {"name": entry.get("name")}} for entry in named]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice["mode"], "tools": entries}}
    return "auto"


def chat_body(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the request as chat would have it. `messages`: the whole conversation.

    Raises:
        RefusalError: a tool is chosen where none is declared.
    """
    made: dict[str, Any] = {"model": body.get("model"), "messages": list(messages)}
    for name in ("temperature", "top_p", "seed"):
        if body.get(name) is not None:
            made[name] = body[name]
    tools, _ = tools_of(body)
    choice = given(body, "tool_choice", "auto")
    if tools:
        made["tools"] = tools
        made["tool_choice"] = _nested_choice(choice)
        made["parallel_tool_calls"] = given(body, "parallel_tool_calls", True)
    elif choice not in ("none", "auto") and not body.get("tools"):
        message = "Tool choice must be 'none' or 'auto' where no 'tools' are specified."
        raise RefusalError(message, param="tool_choice", code="invalid_value")
    if any(tool["type"] in SEARCHES for tool in body.get("tools") or ()) and choice != "none":
        made["web_search_options"] = {}
    text = given(body, "text", {})
    if text.get("verbosity") is not None:
        made["verbosity"] = text["verbosity"]
    made["response_format"] = _nested_format(given(text, "format", {"type": "text"}))
    effort = given(body, "reasoning", {}).get("effort")
    if body.get("think") is not None:
        effort = "high" if body["think"] else "none"
    if effort is not None:
        made["reasoning_effort"] = effort
    if "message.output_text.logprobs" in given(body, "include", ()):
        made |= {"logprobs": True, "top_logprobs": given(body, "top_logprobs", 0)}
    return made


def _nested_format(form: Mapping[str, Any]) -> dict[str, Any]:
    if form["type"] != "json_schema":
        return dict(form)
    return {"type": "json_schema", "json_schema": {name: value for name, value in form.items() if name != "type"}}
