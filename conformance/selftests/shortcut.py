"""Calls that reach a miniature server without the SDK between: thrice as fast, for tests that send thousands.

The exchange is what the client would have recorded, but for what the SDK made of the answer.
"""

from __future__ import annotations

import json
import time

from conformance.probes.session import Send
from conformance.wire.client import Client
from conformance.wire.exchange import Call, Exchange

from .servers import BASE_URL, Request, Server

ROUTES = ("/chat/completions", "/completions", "/responses")


def shortened(server: Server, asker: Client) -> Send:
    """Return what sends plain calls straight to the server, and others through the asker, whose cache they share."""

    def send(call: Call) -> Exchange:
        plain = call.transport == "sdk" and call.raw is None and not call.aborts and not call.trailing_slash
        if not plain or call.path not in ROUTES or call.headers:
            return asker.send(call)
        return asker.cache.get_or_send(call, lambda call: exchange_with(server, call))

    return send


def exchange_with(server: Server, call: Call) -> Exchange:
    """Return the exchange of a call with a server that neither hangs nor cuts."""
    sent = json.dumps(call.body, ensure_ascii=False)
    headers = {"content-type": "application/json", "authorization": "Bearer x"}
    reply = server.answer(
        Request(
            method=call.method, path=f"/v1{call.path}", headers=headers, body=sent.encode("utf-8", "surrogatepass")
        )
    )
    pieces = [reply.body] if isinstance(reply.body, bytes) else reply.body
    return Exchange(
        call=call,
        started=time.time(),
        url=f"{BASE_URL}{call.path}",
        sent=sent,
        sent_headers=tuple(headers.items()),
        status=reply.status,
        headers=reply.headers,
        chunks=tuple((0.0, piece.decode()) for piece in pieces),
    )
