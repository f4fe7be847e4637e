"""The honest server through the real SDK, and the register of what shows that it honours a field."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from conformance.checklist.rows import field_values
from conformance.probes.endpoints import RequestEndpoint, endpoint_named

from .honours import HonoursEverything, model_for
from .transport import BASE_URL, InProcess

SERVER = HonoursEverything(pace=0, late=0)
TRANSPORT = InProcess(SERVER)
HTTP = httpx.Client(transport=TRANSPORT, base_url=BASE_URL)
SDK = OpenAI(base_url=BASE_URL, api_key="x", max_retries=0, http_client=HTTP)  # type: ignore[arg-type]

PROSE = ("Write a long story about a dragon and a knight.", "Tell me of the sea.", "Explain bread.")
WORDS = 24


def chat(prompt: Any = PROSE[0], **fields: Any) -> Any:
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    return SDK.chat.completions.create(
        **{"model": "mini", "messages": messages, "temperature": 0, "max_tokens": WORDS, **fields}
    )


def said(prompt: Any = PROSE[0], **fields: Any) -> str:
    return str(chat(prompt, **fields).choices[0].message.content)


def complete(prompt: Any = PROSE[0], **fields: Any) -> Any:
    return SDK.completions.create(
        **{"model": "mini", "prompt": prompt, "temperature": 0, "max_tokens": WORDS, **fields}
    )


def written(prompt: Any = PROSE[0], **fields: Any) -> str:
    return str(complete(prompt, **fields).choices[0].text)


def embed(given: Any = "A dragon sleeps.", **fields: Any) -> Any:
    fields = {"encoding_format": "float", **fields}
    return SDK.embeddings.create(model=fields.pop("model", "mini-embed"), input=given, **fields)


def respond(given: Any = PROSE[0], **fields: Any) -> Any:
    return SDK.responses.create(
        **{"model": "mini", "input": given, "temperature": 0, "max_output_tokens": WORDS, **fields}
    )


def answered(given: Any = PROSE[0], **fields: Any) -> str:
    return str(respond(given, **fields).output_text)


def refused(ask: Callable[[], Any], param: str | None = None, code: str | None = None) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ask()
    assert raised.value.type == "invalid_request_error"
    assert param is None or raised.value.param == param
    assert code is None or raised.value.code == code


WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME = {**WEATHER, "function": {**WEATHER["function"], "name": "get_time"}}


def called(answer: Any) -> list[tuple[str, Any]]:
    calls = answer.choices[0].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls]


def reads_values(name: str, field: str) -> None:
    """The check of a field that has none of its own: its valid value is taken and its nonsense refused."""
    endpoint = endpoint_named(name)
    assert endpoint is not None and issubclass(endpoint, RequestEndpoint)  # noqa: PT018
    values = field_values(name)[field]
    body = {"model": model_for(endpoint.capability), **endpoint.smallest, **values.context}
    valid = HTTP.post(endpoint.path, json=body if values.valid is None else {**body, field: values.valid})
    assert valid.status_code == 200, valid.text
    nonsense = HTTP.post(endpoint.path, json={**body, field: values.invalid})
    assert (nonsense.status_code, nonsense.json()["error"]["param"]) == (400, field)


CHECKS: dict[tuple[str, str], Callable[[], None]] = {}


def honoured(endpoint: str, *fields: str) -> Callable[[Callable[..., None]], None]:
    """Enter the check of one field, or of a field that chat and completions share."""

    def enter(check: Callable[..., None]) -> None:
        for name in fields:
            CHECKS[endpoint, name] = check if len(fields) == 1 else partial(check, name)

    return enter


def honoured_by_both(*fields: str) -> Callable[[Callable[..., None]], None]:
    """The check takes the function that gives a text, the one that gives an answer, and the field's name."""

    def enter(check: Callable[..., None]) -> None:
        for name in fields:
            CHECKS["chat", name] = partial(check, said, chat, name)
            CHECKS["completions", name] = partial(check, written, complete, name)

    return enter


def piece(chunk: Any) -> str:
    """The text of a chunk."""
    choice = chunk.choices[0]
    return str((choice.text if hasattr(choice, "text") else choice.delta.content) or "")
