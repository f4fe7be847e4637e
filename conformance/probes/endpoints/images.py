"""/v1/images/generations: documented, not probed yet."""

from __future__ import annotations

from .endpoint import Endpoint


class Images(Endpoint):
    """/v1/images/generations."""

    name = "images"
    path = "/images/generations"
    position = 60
    reference = "images/methods/generate"
