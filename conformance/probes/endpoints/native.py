"""The server's own API, beside the one that it imitates."""

from __future__ import annotations

from typing import Any

from conformance.wire.exchange import Call, Exchange

from .endpoint import Endpoint


class Native(Endpoint):
    """The server's own API. Only for rows of targets that declare it."""

    def get(self, path: str) -> Exchange:
        """Ask for something, as a control.

        Raises:
            ControlFailedError: it is not there.
        """
        return self.session.send_control(Call(method="GET", path=path, transport="http", server="native"))

    def send(self, method: str, path: str, body: Any) -> Exchange:
        """Send a request that changes something, whatever comes of it, and return the exchange."""
        return self.session.send_any(Call(method=method, path=path, body=body, transport="http", server="native"))
