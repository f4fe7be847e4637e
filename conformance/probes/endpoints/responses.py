"""/v1/responses: documented, and judged by its rules; not probed yet."""

from __future__ import annotations

from .endpoint import Endpoint


class Responses(Endpoint):
    """/v1/responses."""

    name = "responses"
    path = "/responses"
    position = 50
    response_rules = ("model", "content_type")
    stream_rules = ("content_type", "framing")
    reference = "responses/methods/create"
    stream_reference = "responses/streaming-events"
