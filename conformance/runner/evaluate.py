"""One row, examined: refusals, failures and broken shapes are judged here, once, around every probe.

Pure but for what it is given to send with: whatever the server answers, a finding comes of it and nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row, field_values
from conformance.checklist.verdicts import Verdict
from conformance.judge.schema_faults import find_schema_faults
from conformance.probes.endpoints import Endpoint, RequestEndpoint, TextEndpoint
from conformance.probes.observation import Observation, broken, inconclusive, partial, rejected
from conformance.probes.registry import Experiment
from conformance.probes.response_views import MalformedResponseError, get_path
from conformance.probes.session import (
    ControlFailedError,
    RequestFailedError,
    RequestRejectedError,
    Send,
    Session,
    UndeterminedError,
    is_rejection,
    is_usable,
)
from conformance.wire.exchange import Exchange

_ABSENT = (404, 405, 501)

CONFIRMATION = 100
"""Added to `Call.repetition` of a request that failed, and is asked once more: no row repeats a request so often."""


@dataclass(kw_only=True)
class ProbeRun:
    """One row of one target."""

    row: Row
    send: Send
    models: Mapping[str, str]
    """Capability -> model. A capability without a model makes its rows not applicable."""
    controls: dict[tuple[str, str], Any] = field(default_factory=dict)
    """How each endpoint and model is asked, as found so far; see `Session.controls`."""
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        """Open the session."""
        self.session = Session(send=self.send, models=self.models, controls=self.controls)

    def evaluate(self) -> Finding:
        """Return the finding, for any server."""
        if self.row.capability not in self.models:
            reason = f"the target declares no model for {self.row.capability}"
            return Finding(row=self.row.id, verdict=Verdict.NOT_APPLICABLE, reason=reason)
        seen = self._observed()
        return Finding(
            row=self.row.id,
            verdict=seen.verdict,
            reason=seen.reason,
            evidence=seen.evidence,
            exchanges=tuple(self.session.asked),
            model=self.models[self.row.capability],
            seconds=round(sum(exchange.seconds for exchange in self.session.asked.values()), 3),
        )

    def _observed(self) -> Observation:
        endpoints: tuple[Endpoint, ...] = ()
        try:
            experiment = self.row.probe
            if not isinstance(experiment, Experiment):
                raise TypeError(f"row {self.row.id} has no probe")
            endpoints = experiment.open(self.session, self.models[self.row.capability])
            if not self.row.is_control:
                for endpoint in endpoints:
                    endpoint.ask_plain()
            seen = experiment(*endpoints)
        except ControlFailedError as failure:
            return _control_failed(failure.exchange)
        except RequestRejectedError as refusal:
            return self._refused(refusal.exchange, endpoints)
        except RequestFailedError as failure:
            return self._failed(failure.exchange)
        except MalformedResponseError as gap:
            return self._unreadable(gap)
        except UndeterminedError as doubt:
            return self._refused_anyway(endpoints) or doubt.observation
        return self._with_shape(seen, endpoints) if seen.verdict.is_positive else seen

    def _failed(self, exchange: Exchange) -> Observation:
        """Judge a failure: broken where it happens again. Else what came before may have brought the server down.

        A hang is not asked again: the client has seen to it that the server answers others.
        """
        words = describe_failure(exchange)
        if exchange.failure not in (None, "cut") or exchange.accepted:
            return broken(words)
        try:
            again = self.session.send_any(replace(exchange.call, repetition=exchange.call.repetition + CONFIRMATION))
        except UndeterminedError as doubt:
            return doubt.observation
        if is_usable(again):
            return inconclusive(f"{words}; the same request is answered when it is asked again")
        return broken(words)

    @property
    def _field(self) -> str:
        """The request field that the row is about, empty where it is about none."""
        _, kind, name, *_ = [*self.row.id.split("/"), "", ""]
        return name if kind == "fields" else ""

    def _refused(self, exchange: Exchange, endpoints: Iterable[Endpoint]) -> Observation:
        if self.row.is_control and exchange.status in _ABSENT:
            return rejected(f"the endpoint is absent: {exchange.status}")
        words = f"refused with {exchange.status}{quote_error_message(exchange)}"
        try:
            twin = self._without_field(exchange, endpoints)
        except UndeterminedError as doubt:
            return doubt.observation
        if twin is not None and not is_usable(twin) and not self._is_refused_alone(exchange, endpoints):
            return inconclusive(f"{words}; but so is the same request without `{self._field}`")
        return rejected(words)

    def _without_field(self, exchange: Exchange, endpoints: Iterable[Endpoint]) -> Exchange | None:
        """Send a refused request without the row's field, and return what came; None where there is nothing to send.

        What the row sends beside its field may be what the server does not take.
        """
        endpoint = next((each for each in endpoints if each.path == exchange.call.path), None)
        body = exchange.call.body
        if not isinstance(endpoint, TextEndpoint) or not isinstance(body, dict) or self._field not in body:
            return None
        plain = endpoint.body(None)
        left = {name: value for name, value in body.items() if name != self._field}
        if self._field in endpoint.required or self._field in endpoint.limit_fields:
            kept = {name: plain[name] for name in (*endpoint.required, endpoint.control.limit_field) if name in plain}
            left = {**kept, **left}
        return None if left == plain else self.session.send_any(replace(exchange.call, body=left))

    def _is_refused_alone(self, exchange: Exchange, endpoints: Iterable[Endpoint]) -> bool:
        """Whether the row's field is refused too without what the row sends beside it."""
        endpoint = next(each for each in endpoints if each.path == exchange.call.path)
        if not isinstance(endpoint, TextEndpoint):
            return False
        given = {self._field: exchange.call.body[self._field]}
        alone = self.session.send_any(replace(exchange.call, body=endpoint.body(None, **given)))
        return alone.failure is None and alone.status is not None and is_rejection(alone.status)

    def _refused_anyway(self, endpoints: Iterable[Endpoint]) -> Observation | None:
        """Return that the server refuses the row's field, where its effect cannot be shown and was not asked for."""
        endpoint = next((each for each in endpoints if isinstance(each, RequestEndpoint)), None)
        known = field_values(endpoint.name).get(self._field) if endpoint is not None else None
        if endpoint is None or known is None or known.valid is None or self._was_taken():
            return None
        try:
            if isinstance(endpoint, TextEndpoint) and self._field == endpoint.control.limit_field:
                return None  # every plain request has it
            bare = endpoint.attempt_minimal(**known.context)
            given = endpoint.attempt_minimal(**known.context, **{self._field: known.valid})
        except UndeterminedError:
            return None
        if not is_usable(bare) or given.status is None or not is_rejection(given.status):
            return None
        return rejected(f"refused with {given.status}{quote_error_message(given)}")

    def _was_taken(self) -> bool:
        return any(
            isinstance(exchange.call.body, dict) and self._field in exchange.call.body
            for exchange in self.session.treatments
        )

    def _unreadable(self, gap: MalformedResponseError) -> Observation:
        if any(gap.exchange is treatment for treatment in self.session.treatments):
            return broken(f"the answer lacks {gap.missing}, which every client reads")
        return inconclusive(f"the control's answer lacks {gap.missing}")

    def _with_shape(self, seen: Observation, endpoints: Iterable[Endpoint]) -> Observation:
        """Return the observation; partial where an answer breaks its schema and the plain request's does not.

        What no client can read is broken before it comes here: this field has its effect, and a fault beside it.
        """
        for exchange in self.session.treatments:
            faults = find_schema_faults(exchange)
            if faults and not self.row.is_control:
                faults = faults - _control_faults(exchange, endpoints)
            if faults and not self.row.is_control:
                fault = f"but the answer breaks its schema where the control's does not: {min(faults)}"
                return replace(partial(f"{seen.reason}; {fault}"), evidence=seen.evidence)
        return seen


def _control_faults(exchange: Exchange, endpoints: Iterable[Endpoint]) -> frozenset[str]:
    """Return how the plain request's answer breaks its schema, streamed where the exchange is."""
    for endpoint in endpoints:
        if endpoint.path == exchange.call.path:
            control = endpoint.ask_plain(stream=exchange.call.streams)
            return frozenset() if control is None else find_schema_faults(control)
    return frozenset()


def _control_failed(exchange: Exchange) -> Observation:
    if exchange.status in _ABSENT and exchange.failure is None:
        return rejected(f"the endpoint is absent: {exchange.status}")
    return inconclusive(f"the control failed: {describe_failure(exchange)}")


def describe_failure(exchange: Exchange) -> str:
    """Why an exchange is no answer, in words."""
    words = {
        "timeout": "no whole answer within the deadline",
        "cut": "the connection was cut",
        "unreachable": "no connection",
        "too_large": "the answer is longer than we take",
    }
    if exchange.failure is not None:
        return words.get(exchange.failure, exchange.failure)
    if not exchange.accepted:
        return f"status {exchange.status}{quote_error_message(exchange)}"
    exception = exchange.sdk_result.exception if exchange.sdk_result else None
    return f"the SDK cannot take the answer: {exception}"


def quote_error_message(exchange: Exchange) -> str:
    """Return the message of an error envelope, clipped, as the end of a sentence."""
    message = get_path(exchange.json, "error", "message") or get_path(exchange.json, "error")
    if not isinstance(message, str) or not message:
        return ""
    printable = "".join(char if char.isprintable() else " " for char in message)
    return f": {printable[:120]}"
