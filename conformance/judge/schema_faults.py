"""Which JSON Schema an accepted answer must obey, and how it breaks it."""

from __future__ import annotations

from typing import Any

from conformance.wire.exchange import Exchange

from .schema import violations

SCHEMAS = {
    ("/chat/completions", False): "chat_completion",
    ("/chat/completions", True): "chat_completion_chunk",
    ("/completions", False): "completion",
    ("/completions", True): "completion_chunk",
    ("/embeddings", False): "embedding_list",
    ("/models", False): "model_list",
}
"""Route and whether it streams -> schema of an accepted answer."""


def select_schema(exchange: Exchange) -> str | None:
    """Which schema an accepted answer must obey, None where there is none."""
    call = exchange.call
    if call.method == "GET" and call.path.startswith("/models/"):
        return "model"
    return SCHEMAS.get((call.path, call.streams))


def read_documents(exchange: Exchange) -> list[Any]:
    """The JSON documents of an accepted answer: one, or those of its events."""
    if not exchange.call.streams:
        return [exchange.json]
    return [event.json for event in exchange.events if event.data.strip() != "[DONE]"]


def find_schema_faults(exchange: Exchange, severity: str = "must") -> frozenset[str]:
    """How an accepted answer breaks its schema."""
    schema = select_schema(exchange)
    if schema is None or not exchange.accepted:
        return frozenset()
    return frozenset(
        f"{found.path}: {found.message}"
        for body in read_documents(exchange)
        for found in violations(schema, body)
        if found.severity == severity
    )
