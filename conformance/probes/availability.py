"""Bad requests, each followed by a plain one that shows whether the server still answers.

`errors/response/survives` judges those plain requests and no others: what other rows or workers happen to send next
has no part in its verdict.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from conformance.checklist.field_values import FieldValues
from conformance.checklist.rows import field_values
from conformance.wire.exchange import Exchange

from .endpoints import RequestEndpoint
from .session import UndeterminedError, is_refused, is_usable


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


def send_nonsense(endpoint: RequestEndpoint[Any], field: str, values: FieldValues, **settings: Any) -> Exchange:
    """Send nonsense as the value of a field; where nonsense of a whole group of fields is taken at once, that one.

    A request is taken only where nothing in it is refused. `settings`: what bounds the answer of one sent alone.

    Raises:
        ControlFailedError: the plain request does not work even before.
        UndeterminedError: the server was busy.
    """
    known = field_values(endpoint.name)
    group = _group_of(endpoint, field, values)
    if group:
        together = send_bad(endpoint, **{name: known[name].invalid for name in group})
        if together.accepted:
            return together
    return send_bad(endpoint, **{**values.context, field: values.invalid}, **settings)


def _group_of(endpoint: RequestEndpoint[Any], field: str, values: FieldValues) -> tuple[str, ...]:
    """Return the fields that a field is asked about with, where these are its row's values; nothing if alone."""
    if values != field_values(endpoint.name)[field]:
        return ()
    return next((group for group in endpoint.joint_fields if field in group), ())


def attempt_valid(endpoint: RequestEndpoint[Any], field: str, values: FieldValues) -> Exchange:
    """Send a valid value of a field; where valid values of a whole group of fields are taken at once, those."""
    known = field_values(endpoint.name)
    group = _group_of(endpoint, field, values)
    if group:
        valid = {name: known[name].valid for name in group}
        together = endpoint.attempt_minimal(**{name: value for name, value in valid.items() if value is not None})
        if is_usable(together):
            return together
    return endpoint.attempt_minimal(**{**values.context, field: values.valid})


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
    """Send the plain request that worked once more after a bad one that was not accepted, as the endpoint wants it.

    The call names the bad one: rows that share a bad request share the plain one after it, and no others do. So it is
    sent by the worker that sent the bad one, at once. It has no part in the verdict of the row that sends it.
    """
    due = {"errors": not bad.accepted, "failures": not (bad.accepted or is_refused(bad)), "nothing": False}
    if not due[endpoint.plain_after]:
        return
    with contextlib.suppress(UndeterminedError):  # busy: the rule passes over it too
        endpoint.session.send_any(replace(plain.call, purpose="after_error", follows=bad.id))
