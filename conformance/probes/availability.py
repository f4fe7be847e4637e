"""Bad requests, each followed by a plain one that shows whether the server still answers.

`errors/response/survives` judges those plain requests and no others: what other rows or workers happen to send next
has no part in its verdict.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from conformance.wire.exchange import Exchange

from .endpoints import RequestEndpoint
from .session import UndeterminedError


def send_bad(endpoint: RequestEndpoint[Any], **fields: Any) -> Exchange:
    """Send a bad request of one token and, where it is not accepted, a plain one right after it.

    Raises:
        ControlFailedError: the plain request does not work even before.
        UndeterminedError: the server was busy.
    """
    plain = endpoint.ask_minimal_control()
    bad = endpoint.attempt_minimal(**fields)
    send_plain_after(endpoint, plain, bad)
    return bad


def send_bad_raw(
    endpoint: RequestEndpoint[Any], path: str = "", *, raw: str | None = None, body: Any = None, method: str = "POST"
) -> Exchange:
    """Send a bad request that the SDK has no method for, by the SDK's own `post` or `get`, and a plain one after it.

    `path`: another route than the endpoint's. `raw`: the body byte for byte, in place of `body`.

    Raises:
        ControlFailedError: the plain request does not work even before.
        UndeterminedError: the server was busy.
    """
    plain = endpoint.ask_minimal_control()
    bad = endpoint.attempt_raw(path, raw=raw, body=body, method=method)
    send_plain_after(endpoint, plain, bad)
    return bad


def send_plain_after(endpoint: RequestEndpoint[Any], plain: Exchange, bad: Exchange) -> None:
    """Send the plain request that worked once more after a bad one, unless that was accepted or answers are dear.

    The call names the bad one: rows that share a bad request share the plain one after it, and no others do. So it is
    sent by the worker that sent the bad one, at once. It has no part in the verdict of the row that sends it.
    """
    if bad.accepted or not endpoint.repeats_after_errors:
        return
    with contextlib.suppress(UndeterminedError):  # busy: the rule passes over it too
        endpoint.session.send_any(replace(plain.call, purpose="after_error", follows=bad.id))
