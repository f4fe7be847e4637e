"""/v1/embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from conformance.probes.response_views import EmbeddingResponse
from conformance.probes.session import ABSENT, is_rejection, is_usable
from conformance.wire.exchange import Call, Exchange, Transport

from .endpoint import RequestEndpoint


class Embeddings(RequestEndpoint[EmbeddingResponse]):
    """/v1/embeddings."""

    name = "embeddings"
    path = "/embeddings"
    position = 40
    capability = "embedding"
    server = "embedding"
    sdk_method = "embeddings.create"
    schema = "embedding_list"
    response_rules = ("schema", "schema/details", "model", "content_type")
    reference = "embeddings/methods/create"
    texts: ClassVar[tuple[str, str]] = (
        "A dragon sleeps in the cave.",
        "The baker opens the shop at five in the morning, and the street smells of bread.",
    )
    """Two texts that have nothing in common."""
    required = ("model", "input")
    smallest: ClassVar[Mapping[str, Any]] = {"input": "Hi"}
    out_of_range: ClassVar[Mapping[str, Any]] = {"dimensions": 0}
    minimal_subject = "Hello."
    warm_up_subject = "Hello."

    def body(self, subject: Any, /, **fields: Any) -> dict[str, Any]:
        """Return the body of a request for floats: the SDK would ask for base64 of its own accord.

        `subject` is any of the four forms of `input`.
        """
        given = self.texts[0] if subject is None else subject
        return {"model": self.model, "input": given, "encoding_format": "float", **fields}

    @cached_property
    def _takes_format(self) -> bool:
        """Whether requests that name the format are taken; False where they are refused and others are not.

        The SDK names one in each request of its own accord: those without go without the SDK.
        """
        named = self.session.send_any(super()._call(None, 0, None, {}))
        if named.failure is not None or named.status is None or not is_rejection(named.status):
            return True
        return not is_usable(self.session.send_any(super()._call(None, 0, "http", {"encoding_format": ABSENT})))

    def _call(self, subject: Any, repetition: int, transport: Transport | None, fields: Mapping[str, Any]) -> Call:
        """Return a call that names the format, unless the server refuses every request that does."""
        if "encoding_format" not in fields and "purpose" not in fields and not self._takes_format:
            return super()._call(subject, repetition, transport or "http", {**fields, "encoding_format": ABSENT})
        return super()._call(subject, repetition, transport, fields)

    def read(self, exchange: Exchange) -> EmbeddingResponse:
        """Return the view of a list of embeddings."""
        return EmbeddingResponse(exchange)
