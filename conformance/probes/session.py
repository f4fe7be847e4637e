"""How a probe reaches the server: controls, which must work, and treatments, which may be refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.wire.exchange import Call, Exchange

from .observation import Observation, inconclusive


class RequestRejectedError(Exception):
    """A treatment was refused with a 4xx, or the route is not there."""

    def __init__(self, exchange: Exchange) -> None:
        """`exchange`: the refusal."""
        super().__init__(f"status {exchange.status}")
        self.exchange = exchange


class RequestFailedError(Exception):
    """There is no whole answer to a treatment, or it is a 5xx, or the SDK cannot take it."""

    def __init__(self, exchange: Exchange) -> None:
        """`exchange`: the failure."""
        super().__init__(exchange.failure or f"status {exchange.status}")
        self.exchange = exchange


class ControlFailedError(Exception):
    """A plain request does not work: nothing can be said of what would be added to it."""

    def __init__(self, exchange: Exchange) -> None:
        """`exchange`: the failure."""
        super().__init__(exchange.failure or f"status {exchange.status}")
        self.exchange = exchange


class UndeterminedError(Exception):
    """The model gave no chance to see the effect; the reason stands in the report."""

    @property
    def observation(self) -> Observation:
        """As an observation."""
        return inconclusive(str(self))


ABSENT = object()
"""As the value of a field: leave out what would be sent by default."""

Send = Callable[[Call], Exchange]


@dataclass(kw_only=True)
class Session:
    """One examination of one row: what it asked, in order, and in which role."""

    send: Send
    models: Mapping[str, str]
    """Capability -> model that the target declares for it."""
    controls: dict[tuple[str, str], Any] = field(default_factory=dict)
    """Endpoint and model -> its `Control`, found once and shared by all rows."""
    asked: dict[str, Exchange] = field(default_factory=dict)
    treatments: list[Exchange] = field(default_factory=list)

    def send_any(self, call: Call) -> Exchange:
        """Ask, whatever comes of it.

        Raises:
            CannotTell: the server was busy as long as we could wait, which says nothing of what was asked.
        """
        exchange = self.send(call)
        self.asked.setdefault(exchange.id, exchange)
        if exchange.busy:
            raise UndeterminedError(f"the server was busy: status {exchange.status}")
        return exchange

    def send_control(self, call: Call) -> Exchange:
        """Ask what must work.

        Raises:
            ControlFailed: it does not.
        """
        exchange = self.send_any(call)
        if not is_usable(exchange):
            raise ControlFailedError(exchange)
        return exchange

    def send_treatment(self, call: Call) -> Exchange:
        """Ask what the server may refuse.

        Raises:
            Refused, Failed: it did.
        """
        exchange = self.send_prerequisite(call)
        self.treatments.append(exchange)
        return exchange

    def send_prerequisite(self, call: Call) -> Exchange:
        """Ask what a treatment stands on and the server may refuse, such as tools where one is to be chosen.

        Raises:
            Refused, Failed: it did.
        """
        exchange = self.send_any(call)
        if exchange.failure is None and exchange.status is not None and is_rejection(exchange.status):
            raise RequestRejectedError(exchange)
        if not is_usable(exchange):
            raise RequestFailedError(exchange)
        return exchange


def is_rejection(status: int) -> bool:
    """4xx, and 501 for a route that is not there."""
    return 400 <= status < 500 or status == 501


def is_refused(exchange: Exchange) -> bool:
    """Whether a whole answer refuses the request."""
    return exchange.failure is None and exchange.status is not None and is_rejection(exchange.status)


def is_usable(exchange: Exchange) -> bool:
    """Whether the answer is a 2xx that arrived whole and that the SDK could take."""
    return exchange.accepted and (exchange.sdk_result is None or exchange.sdk_result.exception is None)


def drop_absent(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields less those that are to be left out."""
    return {name: value for name, value in fields.items() if value is not ABSENT}
