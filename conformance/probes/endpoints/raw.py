"""Requests that no SDK would build."""

from __future__ import annotations

from typing import Any

from conformance.wire.exchange import Call, Exchange

from .endpoint import Endpoint


class Raw(Endpoint):
    """Requests that no SDK would build, to any route."""

    def send(self, path: str, raw: str | None = None, *, method: str = "POST", **settings: Any) -> Exchange:
        """Send bytes as they are, whatever comes of it, and return the exchange."""
        return self.session.send_any(Call(path=path, method=method, raw=raw, transport="http", **settings))
