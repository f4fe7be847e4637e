"""/v1/images/generations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from conformance.probes.pictures import ImagesResponse
from conformance.probes.session import RequestFailedError, UndeterminedError
from conformance.wire.exchange import Call, Exchange, Transport

from .endpoint import Endpoint, RequestEndpoint


class Images(RequestEndpoint[ImagesResponse]):
    """/v1/images/generations, asked of a model that the user declared: each accepted request makes a picture."""

    name = "images"
    path = "/images/generations"
    position = 60
    capability = "images"
    sdk_method = "images.generate"
    schema = "images_response"
    response_rules = ("schema", "schema/details", "content_type")
    reference = "images/methods/generate"
    required = ("prompt",)
    smallest: ClassVar[Mapping[str, Any]] = {"prompt": "A red circle on a white ground."}
    out_of_range: ClassVar[Mapping[str, Any]] = {"n": 0}
    plain_after = "nothing"

    def body(self, subject: Any, /, **fields: Any) -> dict[str, Any]:
        """Return the body of a request for one picture, of the prompt `subject`."""
        given = self.smallest["prompt"] if subject is None else subject
        return {"model": self.model, "prompt": given, **fields}

    def read(self, exchange: Exchange) -> ImagesResponse:
        """Return the view of a list of pictures."""
        return ImagesResponse(exchange)

    def ask(
        self, subject: Any = None, /, *, repetition: int = 0, transport: Transport | None = None, **fields: Any
    ) -> ImagesResponse:
        """Send a treatment.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take it.
            UndeterminedError: the pictures are longer than an answer that we take, which is no fault.
        """
        try:
            return super().ask(subject, repetition=repetition, transport=transport, **fields)
        except RequestFailedError as failure:
            if failure.exchange.failure == "too_large":
                raise UndeterminedError("the pictures are longer than what is read of an answer") from failure
            raise

    def _call(self, subject: Any, repetition: int, transport: Transport | None, fields: Mapping[str, Any]) -> Call:
        # Events are read as they come: they are no chunks of text, which is what is asked of the SDK's own objects.
        streamed: Transport | None = "http" if fields.get("stream") is True else None
        return super()._call(subject, repetition, transport or streamed, fields)


class ImagesRoute(Endpoint):
    """The route alone, for what can be told without making a picture: whatever model answers for chat will do."""

    def attempt(self, **body: Any) -> Exchange:
        """Send a body to the route, whatever comes of it, and return the exchange."""
        return self.session.send_any(Call(path=Images.path, body=body, transport="sdk_raw_body"))

    @property
    def image_model(self) -> str | None:
        """The model that the target declares for pictures, None where it declares none."""
        return self.session.models.get(Images.capability)
