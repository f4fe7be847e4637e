"""Every way in which a call is sent, for the tests of the wire layer."""

from __future__ import annotations

import json

import pytest

from conformance.probes.documents import single_value_schema
from conformance.probes.endpoints import GENERATION_ROUTES
from conformance.wire.client import Address, Client
from conformance.wire.exchange import Call
from conformance.wire.exchange_cache import MemoryExchangeCache

AMPLE = 30.0
"""A deadline for what ends by itself: a loaded machine must not turn it into a time-out."""

BODY = {"model": "mini", "messages": [{"role": "user", "content": "Hello."}]}
STREAM = {**BODY, "stream": True}
PARSED = {**BODY, "response_format": single_value_schema("zq_key", "v7")}
CREATE = "chat.completions.create"
CALLS = {
    "sdk": Call(path="/chat/completions", body=BODY, sdk_method=CREATE),
    "sdk stream": Call(path="/chat/completions", body=STREAM, sdk_method=CREATE),
    "async": Call(path="/chat/completions", body=BODY, sdk_method=CREATE, transport="sdk_async"),
    "async stream": Call(path="/chat/completions", body=STREAM, sdk_method=CREATE, transport="sdk_async"),
    "parse": Call(path="/chat/completions", body=PARSED, sdk_method=CREATE, transport="sdk_parse"),
    "bare": Call(path="/chat/completions", raw="{}", transport="sdk_raw_body"),
    "raw": Call(path="/chat/completions", body=BODY, transport="http"),
}
"""Every way in which a call is sent."""

by_each_way = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)

JSON = "Content-Type: application/json"
EVENTS = "Content-Type: text/event-stream"
CHUNKED = "Transfer-Encoding: chunked"
CONTENT = {"role": "assistant", "content": "Hi", "refusal": None}
CHOICE = {"index": 0, "message": CONTENT, "delta": CONTENT, "finish_reason": "stop"}
GOOD = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [CHOICE]}).encode()


def asker_of(url: str, deadline: float = AMPLE, **address: str) -> Client:
    """An asker of the server at the root `url`."""
    return Client(
        address=Address(base_url=f"{url}/v1", **address),
        cache=MemoryExchangeCache(),
        deadline=deadline,
        generation_routes=GENERATION_ROUTES,
    )
