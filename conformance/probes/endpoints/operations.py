"""The operations of the SDK that have no rows of their own: how each is asked without any effect.

A key of a paying user may be in use. So a request names ids that cannot exist, or lacks a member that it must have;
an operation that would do something even so is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from conformance.checklist.operations import WEBSOCKET, Operation
from conformance.probes.session import ControlFailedError
from conformance.wire.exchange import Call, Exchange

from .endpoint import Endpoint

NO_SUCH_ID = "zz-no-such-id"
"""An id that nothing has, of any kind; without a digit, so that it is not taken for what varies between answers."""
NO_SUCH_ROUTE = "zz-no-such-route"
"""A part of a path that no server has."""

MAX_READ_SECONDS = 2.0
"""Seconds after its first bytes for which an answer is read: its status and its beginning tell enough."""

_BOUNDARY = "zz-boundary"
_EMPTY_FORM = f"--{_BOUNDARY}--\r\n"


def why_not_asked(operation: Operation) -> str:
    """Return why no request to an operation is sure to have no effect; empty where one is."""
    if operation.method == WEBSOCKET:
        return "not asked: to open its WebSocket begins a session"
    if operation.method == "GET" or operation.ids:
        return ""
    if operation.method == "POST" and operation.required:
        return ""
    if operation.method == "POST":
        return "not asked: it requires no member, so that even the smallest request may create something"
    return "not asked: no id is in its path that could be one of nothing, so that it would change what is there"


class Operations(Endpoint):
    """The operations of the SDK that have no rows of their own."""

    def ask(self, operation: Operation) -> Exchange:
        """Send the request of an operation that has no effect, and return the exchange, whatever comes of it.

        Raises:
            ValueError: there is no such request.
        """
        if reason := why_not_asked(operation):
            raise ValueError(f"{operation.name} is {reason}")
        queries = [operation.query] if operation.query else []
        queries += ["limit=1"] if operation.limit else []
        return self._send(operation, operation.path, queries, beta=operation.beta)

    def ask_no_route(self, operation: Operation) -> Exchange:
        """Send the like to a route that cannot exist; operations of one method and form of body share the exchange.

        Raises:
            ControlFailedError: no answer came, or the server failed.
        """
        return self._answered(self._send(operation, f"/{NO_SUCH_ROUTE}"))

    def ask_beside(self, operation: Operation) -> Exchange:
        """Send the like to a route beside the operation's, that cannot exist either, and return the exchange.

        That tells a server that has the route from one that answers all routes there alike, or takes the last part
        of the path for the id of something else: `/threads/runs` has the form of `/threads/{thread_id}`.

        Raises:
            ControlFailedError: no answer came, or the server failed.
        """
        beside = re.sub(r"[^/{}]+((/{\w+})*)$", rf"{NO_SUCH_ROUTE}\1", operation.path)
        return self._answered(self._send(operation, beside, beta=operation.beta))

    def _answered(self, exchange: Exchange) -> Exchange:
        status = exchange.status or 0
        if exchange.failure is not None or (status >= 500 and status != 501):
            raise ControlFailedError(exchange)
        return exchange

    def _send(self, operation: Operation, path: str, queries: Sequence[str] = (), *, beta: str = "") -> Exchange:
        """Send a request with the method of an operation and its form of body, each id being one of nothing."""
        headers = {"openai-beta": beta} if beta else {}
        if operation.multipart:
            headers["content-type"] = f"multipart/form-data; boundary={_BOUNDARY}"
        posted = operation.method not in ("GET", "DELETE")
        call = Call(
            method=operation.method,
            path="?".join([re.sub(r"{\w+}", NO_SUCH_ID, path), *(["&".join(queries)] if queries else [])]),
            body={} if posted and not operation.multipart else None,
            raw=_EMPTY_FORM if operation.multipart else None,
            headers=tuple(headers.items()),
            transport="http",
            purpose="existence",
            abort_after_seconds=MAX_READ_SECONDS,
        )
        return self.session.send_any(call)
