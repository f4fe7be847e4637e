"""Where OpenAI's reference says what a row rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from urllib.parse import quote

from conformance.checklist.rows import Row

from .endpoints import endpoint_named

_DOCUMENTATION = "https://developers.openai.com/api"
_REFERENCE = f"{_DOCUMENTATION}/reference"
_ERRORS = f"{_DOCUMENTATION}/docs/guides/error-codes"


@cache
def anchors() -> Mapping[str, Mapping[str, str]]:
    """Return endpoint -> request field -> the anchor of the field on the endpoint's page.

    Written by `python -m conformance.selftests.ledger --write`, from the signatures of the SDK's methods.
    """
    file = resources.files("conformance.checklist").joinpath("data", "anchors.json")
    found: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def clause_url(row: Row) -> str:
    """Return the address of the clause that a row rests on: of the very field, where it is about one."""
    if row.endpoint == "operations":
        *trail, method = row.id.split("/")[1:]
        return f"{_REFERENCE}/resources/{'/subresources/'.join(trail)}/methods/{method}"
    endpoint = endpoint_named(row.endpoint)
    if endpoint is None:
        return _ERRORS if row.endpoint == "errors" else _REFERENCE
    if row.kind == "stream" and endpoint.stream_reference:
        return f"{_REFERENCE}/resources/{endpoint.stream_reference}"
    if not endpoint.reference:
        return _REFERENCE
    page = f"{_REFERENCE}/resources/{endpoint.reference}"
    anchor = anchors().get(row.endpoint, {}).get(row.path[0]) if row.kind == "fields" else None
    return page if anchor is None else f"{page}#{quote(anchor)}"
