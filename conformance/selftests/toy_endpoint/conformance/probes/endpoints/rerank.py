"""/v1/rerank, which orders documents by what they have to do with a query. The SDK has no method for it."""

# ruff: noqa: INP001 - copied into the package

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from conformance.wire.exchange import Exchange

from .endpoint import RequestEndpoint


class Rerank(RequestEndpoint[Exchange]):
    """/v1/rerank."""

    name = "rerank"
    path = "/rerank"
    capability = "embedding"
    server = "embedding"
    schema = "rerank"
    response_rules = ("schema", "model", "content_type")
    documents: ClassVar[tuple[str, ...]] = ("rain falls", "black tea", "tea and more tea")
    required = ("model", "query", "documents")
    smallest: ClassVar[Mapping[str, Any]] = {"query": "tea", "documents": ["tea", "rain"]}
    out_of_range: ClassVar[Mapping[str, Any]] = {"top_n": 0}

    def body(self, subject: Any, /, **fields: Any) -> dict[str, Any]:
        """Return a request to order the three documents by a query, `tea` unless given."""
        return {
            "model": self.model,
            "query": "tea" if subject is None else subject,
            "documents": list(self.documents),
            **fields,
        }

    def read(self, exchange: Exchange) -> Exchange:
        """Return the exchange itself."""
        return exchange
