"""/v1/rerank: every one of its fields."""

# ruff: noqa: INP001 - copied into the package

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fields import check_body
from .interface import RefusalError, Reply, json_reply

RULE_CHANGES = {
    "schema": ("results.*.relevance_score: is missing", "relevance_score", "score"),
    "model": ('`model` is "xmini-embed", not the one asked for', '"model":"', '"model":"x'),
    "content_type": ('content-type is "text/plain"', "application/json", "text/plain"),
}
"""Shared rule -> the reason that it must name, and what to replace in an honest response for that, old and new."""


def check(body: Mapping[str, Any]) -> None:
    """Refuse what the clause does not allow.

    Raises:
        RefusalError: naming the field.
    """
    check_body("rerank", body)
    if body.get("top_n", 1) < 1:
        raise RefusalError("Invalid 'top_n': at least one.", param="top_n", code="integer_below_min_value")


def answer(body: Mapping[str, Any]) -> Reply:
    """The documents by how often the query is in them."""
    scored = [(document.count(body["query"]), index) for index, document in enumerate(body["documents"])]
    best = sorted(scored, key=lambda pair: (-pair[0], pair[1]))[: body.get("top_n")]
    results = [{"index": index, "relevance_score": float(score)} for score, index in best]
    return json_reply({"model": body["model"], "results": results})
