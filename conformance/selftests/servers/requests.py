"""What every route does with a request: read its JSON body, or refuse its method."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .checks import wrong_type
from .interface import RefusalError, Reply, Request, error_reply


def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON object of a request's body.

    Raises:
        RefusalError: it is none.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusalError(f"Unsupported content type: '{kind[:40]}'. Use 'application/json'.", status=415)
    try:
        body = json.loads(request.body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusalError("We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        refusal = wrong_type("body", body, "an object")
        raise RefusalError(refusal.message)
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def not_allowed(request: Request, allowed: str) -> Reply:
    """The reply to a method that a route does not know."""
    message = f"Not allowed to {request.method[:20]} on {request.path[:80]}."
    return error_reply(405, message, headers=(("allow", allowed),))
