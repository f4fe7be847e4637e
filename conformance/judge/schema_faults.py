"""Which JSON Schema an accepted answer must obey, and how it breaks it."""

from __future__ import annotations

from typing import Any

from conformance.probes.endpoints import ENDPOINTS
from conformance.wire.exchange import Exchange

from .schema import violations


def select_schema(exchange: Exchange) -> str | None:
    """Return the name of the schema that an accepted answer must obey, None where there is none."""
    call = exchange.call
    return next((endpoint.schema_of(call) for endpoint in ENDPOINTS if endpoint.answers(call)), None)


def read_documents(exchange: Exchange) -> list[Any]:
    """Return the JSON documents of an accepted answer: one, or those of its events."""
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
