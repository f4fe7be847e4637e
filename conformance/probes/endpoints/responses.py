"""/v1/responses: documented, not probed yet."""

from __future__ import annotations

from .endpoint import Endpoint


class Responses(Endpoint):
    """/v1/responses."""

    name = "responses"
    path = "/responses"
    position = 50
    reference = "responses/methods/create"
    stream_reference = "responses/streaming-events"
