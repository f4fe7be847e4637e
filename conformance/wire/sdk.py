"""The openai SDK as it is used here: which method a call goes through, and what it made of the answer.

Importing the SDK takes most of a second, so it is imported when the first call is made. The SDK is built on its own
HTTP library and takes an `httpx.Client` too; this module is the only one that knows.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import replace
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, cast

import httpx

from .exchange import Call, SdkResult

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from .recorder import RecordingTransport

_LEAKING = ("OPENAI_CUSTOM_HEADERS", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
"""Variables that the SDK would send to any server, whatever key it is given; it has no setting against that."""


def remove_sdk_variables(environ: MutableMapping[str, str]) -> None:
    """Remove the variables that the SDK would send to any server, where a process that asks servers starts."""
    for name in _LEAKING:
        environ.pop(name, None)


class SdkClients:
    """The sync and the async client for one base URL."""

    def __init__(self, base_url: str, key: str) -> None:
        """Take the address and the key, which may be empty for servers that want none; the SDK insists on one.

        Raises:
            RuntimeError: the process has variables that would be sent; see `remove_sdk_variables`.
        """
        if leaking := [name for name in _LEAKING if name in os.environ]:
            raise RuntimeError(f"the SDK would send {', '.join(leaking)} to the server: call remove_sdk_variables")
        self._settings: dict[str, Any] = {
            "base_url": base_url,
            "api_key": key or "none",
            "max_retries": 0,
            # The recorder keeps the deadline; the SDK's own would cut in first.
            "timeout": None,
        }

    def call(self, call: Call, recorder: RecordingTransport) -> SdkResult:
        """Send the call through the sync SDK.

        Raises:
            Exception: whatever the SDK raises.
        """
        from openai import OpenAI

        with httpx.Client(transport=recorder, trust_env=False) as http:
            client = OpenAI(http_client=cast(Any, http), **self._settings)
            if call.transport == "sdk_parse":
                return _parse(client, call)
            if call.transport == "sdk_stream":
                return _read_stream_helper(client, call)
            if call.transport == "sdk_raw_body":
                # The SDK's own door for routes it has no method for; the recorder puts a raw body underneath.
                body = {} if call.body is None else call.body
                client.get(call.path, cast_to=object) if call.method == "GET" else client.post(
                    call.path, cast_to=object, body=body
                )
                return SdkResult()
            method = _method(client, call)
            result = method(*call.sdk_arguments, **_fields(method, call))
            return _read_stream(result, call) if call.streams else _read_result(result)

    def call_async(self, call: Call, recorder: RecordingTransport, deadline: float) -> SdkResult:
        """Send the call through the async SDK, in an event loop of its own.

        Raises:
            Exception: whatever the SDK raises.
            TimeoutError: the deadline passed.
        """
        from openai import AsyncOpenAI

        async def ask() -> SdkResult:
            async with asyncio.timeout(None) as limit:

                async def start(_: httpx.Request) -> None:
                    limit.reschedule(asyncio.get_running_loop().time() + deadline)

                # What the SDK does before it sends is not the server's time.
                hooks = {"request": [start]}
                async with httpx.AsyncClient(transport=recorder, trust_env=False, event_hooks=hooks) as http:
                    return await send(http)

        async def send(http: httpx.AsyncClient) -> SdkResult:
            client = AsyncOpenAI(http_client=cast(Any, http), **self._settings)
            method = _method(client, call)
            result = await method(*call.sdk_arguments, **_fields(method, call))
            return await _read_async_stream(result) if call.streams else _read_result(result)

        return asyncio.run(ask())


def _method(client: OpenAI | AsyncOpenAI, call: Call) -> Any:
    """Return the method of the SDK that a call goes through.

    Raises:
        ValueError: the call names none: nothing is guessed from the route.
    """
    if not call.sdk_method:
        raise ValueError(f"{call.method} {call.path}: the call names no method of the SDK to go through")
    return attrgetter(call.sdk_method)(client)


@cache
def _known(function: Any) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def _fields(method: Any, call: Call) -> dict[str, Any]:
    """Return the body as keyword arguments; fields that the method does not know go into `extra_body`."""
    if call.body is None:
        return {}
    known = _known(method.__func__)
    given = {key: value for key, value in call.body.items() if key in known}
    extra = {key: value for key, value in call.body.items() if key not in known}
    return {**given, "extra_body": extra} if extra else given


def _parse(client: OpenAI, call: Call) -> SdkResult:
    left = ("response_format", "text", "stream", "stream_options")  # parse() streams by another method
    body = {key: value for key, value in call.body.items() if key not in left}
    parse = attrgetter(call.sdk_method.rpartition(".")[0])(client).parse
    fields = _fields(parse, replace(call, body=body))
    if "text" in call.body:
        parsed = parse(text_format=_response_model(call.body["text"]["format"]), **fields).output_parsed
    else:
        form = call.body["response_format"]["json_schema"]
        parsed = parse(response_format=_response_model(form), **fields).choices[0].message.parsed
    return SdkResult(text=None if parsed is None else parsed.model_dump_json())


def _read_stream_helper(client: OpenAI, call: Call) -> SdkResult:
    """Read a stream by the SDK's own helper, which keeps a snapshot of the response; cut ones have no final one."""
    body = {key: value for key, value in call.body.items() if key != "stream"}
    stream = attrgetter(call.sdk_method.rpartition(".")[0])(client).stream
    with stream(**_fields(stream, replace(call, body=body))) as events:
        text = [_read_delta(event) for event in events]
    return SdkResult(text="".join(text))


def _response_model(form: Any) -> Any:
    """Return a pydantic model of a name and a schema: an object of enumerated strings.

    Raises:
        KeyError, TypeError: it is another form, or another schema.
    """
    import pydantic

    properties = form["schema"]["properties"]
    members: dict[str, Any] = {name: (Literal[tuple(each["enum"])], ...) for name, each in properties.items()}
    return pydantic.create_model(form["name"], **members)


def enumerate_timed(stream: Iterable[Any]) -> Iterator[tuple[int, float, Any]]:
    """Yield what a stream brings, with its number from 1 on and the seconds since the first."""
    began = 0.0
    for count, item in enumerate(stream, 1):
        began = began or time.monotonic()
        yield count, time.monotonic() - began, item


def _read_stream(chunks: Any, call: Call) -> SdkResult:
    text: list[str] = []
    try:
        for count, seconds, chunk in enumerate_timed(chunks):
            text.append(_read_delta(chunk))
            if call.should_abort(count, seconds):
                break
    finally:
        chunks.response.close()
    return SdkResult(text="".join(text))


async def _read_async_stream(chunks: Any) -> SdkResult:
    return SdkResult(text="".join([_read_delta(chunk) async for chunk in chunks]))


def _read_delta(piece: Any) -> str:
    """Return what a piece of a stream adds to the text: a chunk with choices, or an event."""
    kind = getattr(piece, "type", None)
    if not isinstance(kind, str):
        return _read_content(piece, "delta")
    return str(piece.delta or "") if kind == "response.output_text.delta" else ""


def _read_content(result: Any, member: str) -> str:
    """Return what the first choice of a chunk or an answer says, read through the SDK's attributes."""
    if not result.choices:
        return ""
    choice = result.choices[0]
    holder = getattr(choice, member, None)
    return (choice.text if holder is None else holder.content) or ""


def _read_result(result: Any) -> SdkResult:
    if hasattr(result, "choices"):
        return SdkResult(text=_read_content(result, "message"))
    if getattr(result, "object", "") == "response":
        return SdkResult(text=result.output_text)
    if getattr(result, "object", "") == "list" and hasattr(result, "usage"):
        return SdkResult(vector_lengths=tuple(len(item.embedding) for item in result.data))
    return SdkResult()


def _describe_error(error: Exception) -> str:
    import pydantic

    if not isinstance(error, pydantic.ValidationError):
        return str(error)
    # Not in its own words, which hold parts of the answer, clipped in the middle: a key in it would not be known.
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ") for fault in faults)


def sdk_error(error: Exception) -> SdkResult:
    """Return the SDK's exception, as data."""

    def string(name: str) -> str | None:
        value = getattr(error, name, None)
        return value if isinstance(value, str) else None

    status = getattr(error, "status_code", None)
    return SdkResult(
        exception=type(error).__name__,
        message=_describe_error(error),
        status=status if isinstance(status, int) else None,
        code=string("code"),
        param=string("param"),
        type=string("type"),
    )
