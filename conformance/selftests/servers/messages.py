"""The messages of a conversation: what they may be, and which tokens they become. All of it reaches the prompt."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .checks import Check, anything, array, by_type, missing, nullable, one_of, record, string, string_or
from .interface import RefusalError
from .vocabulary import END, START, WORDS, Vocabulary

_BREAKPOINT = {"prompt_cache_breakpoint": anything}
TEXT_PART = by_type({"text": record({"type": anything, "text": string(), **_BREAKPOINT}, required=("text",))})
_IMAGE = record(
    {"url": string(least=1), "detail": nullable(one_of("auto", "low", "high", "original"))}, required=("url",)
)
_SOUND = record({"data": string(least=1), "format": one_of("wav", "mp3")}, required=("data", "format"))
_FILE = record({"file_data": string(least=1), "file_id": string(least=1), "filename": string()})
_PARTS: dict[str, Check] = {
    "text": record({"type": anything, "text": string(), **_BREAKPOINT}, required=("text",)),
    "image_url": record({"type": anything, "image_url": string_or(_IMAGE), **_BREAKPOINT}, required=("image_url",)),
    "input_audio": record({"type": anything, "input_audio": _SOUND, **_BREAKPOINT}, required=("input_audio",)),
    "file": record({"type": anything, "file": _FILE, **_BREAKPOINT}, required=("file",)),
}
_ASSISTANT_PARTS: dict[str, Check] = {
    "text": _PARTS["text"],
    "refusal": record({"type": anything, "refusal": string(), **_BREAKPOINT}, required=("refusal",)),
}
_TEXT = string_or(array(TEXT_PART, least=1))
_CALLED = record({"name": string(least=1), "arguments": string()}, required=("name", "arguments"))
_CUSTOM = record({"name": string(least=1), "input": string()}, required=("name", "input"))
_CALL = by_type(
    {
        "function": record(
            {"type": anything, "id": string(least=1), "function": _CALLED}, required=("id", "function")
        ),
        "custom": record({"type": anything, "id": string(least=1), "custom": _CUSTOM}, required=("id", "custom")),
    }
)
_NAME = {"role": anything, "name": nullable(string())}

_ROLES: dict[str, Check] = {
    "system": record({**_NAME, "content": _TEXT}),
    "developer": record({**_NAME, "content": _TEXT}),
    "user": record({**_NAME, "content": string_or(array(by_type(_PARTS), least=1))}),
    "assistant": record(
        {
            **_NAME,
            "content": nullable(string_or(array(by_type(_ASSISTANT_PARTS), least=1))),
            "refusal": nullable(string()),
            "audio": nullable(record({"id": string()}, closed=False)),
            "tool_calls": nullable(array(_CALL, least=0)),
            "function_call": nullable(_CALLED),
            "annotations": nullable(array(anything)),
            "reasoning": nullable(string()),
        }
    ),
    "tool": record({"role": anything, "content": _TEXT, "tool_call_id": string()}, required=("tool_call_id",)),
    "function": record(
        {"role": anything, "content": nullable(string()), "name": string(least=1)}, required=("name",)
    ),
}

_BY_ROLE = by_type(_ROLES, key="role")


def MESSAGE(path: str, value: Any) -> None:  # noqa: N802 - a check like the constants beside it
    """One message."""
    _BY_ROLE(path, value)
    says = value.get("content") is not None
    calls = value["role"] == "assistant" and (value.get("tool_calls") or value.get("function_call"))
    speaks = value["role"] == "assistant" and (value.get("refusal") or value.get("audio"))
    if not says and not calls and not speaks and value["role"] != "function":
        place = path.replace("messages[", "messages.[")
        raise RefusalError(
            "Invalid value for 'content': expected a string, got null.",
            param=f"{place}.content",
        )


def check_order(messages: Sequence[Mapping[str, Any]], *, results_due: bool) -> None:
    """Refuse results that nobody called for; with `results_due` also calls that nobody answered.

    Raises:
        RefusalError: naming the message.
    """
    waiting: set[str] = set()
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                raise RefusalError(f"Invalid parameter: {text}", param=f"messages.[{place}].role")
            waiting.discard(message["tool_call_id"])
            continue
        if waiting and results_due:
            text = "An assistant message with 'tool_calls' must be followed by tool messages responding to each call."
            raise RefusalError(text, param=f"messages.[{place}].role")
        waiting = {call["id"] for call in message.get("tool_calls") or ()}
    if waiting and results_due:
        raise RefusalError(
            "An assistant message with 'tool_calls' must be followed by tool messages.", param="messages"
        )


def message_tokens(
    message: Mapping[str, Any], path: str, vocabulary: Vocabulary = WORDS, *, template: bool = True
) -> list[int]:
    """The tokens of one message, its role and marks included where there is a `template`.

    Raises:
        RefusalError: a picture, sound or file cannot be read.
    """
    encode = vocabulary.encode
    found = [START, *encode(message["role"] + "\n")] if template else []
    if message.get("name"):
        found += encode(f"{message['name']}: ")
    found += content_tokens(message.get("content"), f"{path}.content", vocabulary)
    for key in ("refusal", "reasoning"):
        if message.get(key):
            found += encode(message[key])
    if message.get("audio"):
        found += encode(message["audio"]["id"])
    for call in message.get("tool_calls") or ():
        called = call.get("function") or call["custom"]
        found += encode(f"{called['name']} {called.get('arguments', called.get('input'))}\n")
    if message.get("function_call"):
        found += encode(f"{message['function_call']['name']} {message['function_call']['arguments']}\n")
    if message.get("tool_call_id"):
        found += encode(message["tool_call_id"])
    return [*found, END] if template else [*found, *encode("\n")]


def content_tokens(content: Any, path: str, vocabulary: Vocabulary = WORDS) -> list[int]:
    """The tokens of a message's content. Text parts that touch are one text."""
    if content is None:
        return []
    encode = vocabulary.encode
    if isinstance(content, str):
        return encode(content)
    found: list[int] = []
    text = ""
    for place, part in enumerate(content):
        if part["type"] in ("text", "refusal"):
            text += part[part["type"]]
            continue
        found += encode(text)
        text = ""
        found += _media_tokens(part, f"{path}[{place}]", vocabulary)
    return found + encode(text)


def text_of(message: Mapping[str, Any]) -> str:
    """What a message says in words."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if part["type"] == "text")
    return content or ""


def _media_tokens(part: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> list[int]:
    if part["type"] == "image_url":
        given = part["image_url"]
        url, detail = (given, None) if isinstance(given, str) else (given["url"], given.get("detail"))
        return _digest_tokens(_picture(url, path), 8 if detail == "low" else 16, vocabulary)
    if part["type"] == "input_audio":
        sound = part["input_audio"]
        return _digest_tokens(_unpacked(sound["data"], f"{path}.input_audio.data"), 12, vocabulary)
    given = part["file"]
    if "file_id" in given:
        raise RefusalError(f"No such File object: {given['file_id'][:60]}", param=f"{path}.file.file_id", status=404)
    if "file_data" not in given:
        raise missing(f"{path}.file.file_data")
    data = _unpacked(given["file_data"], f"{path}.file.file_data")
    return vocabulary.encode(given.get("filename", "")) + _digest_tokens(data, 20, vocabulary)


def _digest_tokens(data: bytes, count: int, vocabulary: Vocabulary) -> list[int]:
    return [START, *vocabulary.byte_tokens(hashlib.blake2b(data, digest_size=count).digest()), END]


def _unpacked(data: str, path: str) -> bytes:
    """Base64, bare or as a data URL."""
    packed = data.partition(";base64,")[2] if data.startswith("data:") else data
    try:
        found = base64.b64decode(packed, validate=True)
    except ValueError as error:
        raise RefusalError(f"Invalid '{path}': no base64.", param=path, code="invalid_base64") from error
    if not found:
        raise RefusalError(f"Invalid '{path}': no data.", param=path, code="invalid_base64")
    return found


_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_LARGEST = 1 << 24


def _picture(url: str, path: str) -> bytes:
    data = fetched(url, path) if url.startswith(("http://", "https://")) else _unpacked(url, path)
    if not data.startswith(_MAGIC):
        raise RefusalError("You uploaded an unsupported image.", param=path, code="invalid_image_format")
    return data


def fetched(url: str, path: str) -> bytes:
    """What lies at an address of this machine; no other is asked."""
    host = urlsplit(url).hostname or ""
    if host not in ("localhost", "::1") and not host.startswith("127."):
        raise RefusalError(f"Error while downloading {url[:80]}.", param=path, code="invalid_image_url")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as response:
            return bytes(response.read(_LARGEST))
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise RefusalError(f"Error while downloading {url[:80]}.", param=path, code="invalid_image_url") from error
