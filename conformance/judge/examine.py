"""One row, examined: refusals, failures and broken shapes are judged here, once, around every probe.

Pure but for what it is given to send with: whatever the server answers, a finding comes of it and nothing is raised.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Verdict
from conformance.probes.answers import Unreadable, member
from conformance.probes.embeddings import ONE
from conformance.probes.endpoints import Chat, Completions, Embeddings, Models, Native, Raw
from conformance.probes.observation import Observation, broken, inconclusive, partial, rejected
from conformance.probes.session import CannotTell, ControlFailed, Failed, Refused, Send, Session
from conformance.wire.exchange import Exchange

from .finding import Finding
from .schema import violations

SUBJECTS: Mapping[str, Any] = {
    "chat": Chat,
    "completions": Completions,
    "embeddings": Embeddings,
    "models": Models,
    "raw": Raw,
    "native": Native,
}
"""Parameter of a probe -> what it speaks to."""

_ABSENT = (404, 405, 501)


@dataclass(kw_only=True)
class Examination:
    """One row of one target."""

    row: Row
    send: Send
    models: Mapping[str, str]
    """Capability -> model. A capability without a model makes its rows not applicable."""
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        """Open the session."""
        self.session = Session(send=self.send, models=self.models)

    def finding(self) -> Finding:
        """The finding, for any server."""
        if self.row.needs not in self.models:
            reason = f"the target declares no model for {self.row.needs}"
            return Finding(row=self.row.id, verdict=Verdict.NOT_APPLICABLE, reason=reason)
        seen = self._observed()
        return Finding(
            row=self.row.id,
            verdict=seen.verdict,
            reason=seen.reason,
            evidence=seen.evidence,
            exchanges=tuple(self.session.asked),
            model=self.models[self.row.needs],
            seconds=round(sum(exchange.seconds for exchange in self.session.asked.values()), 3),
        )

    def _observed(self) -> Observation:
        try:
            subjects = self._subjects()
            if not self.row.base:
                self._plain_request_works(subjects)
            if self.row.probe is None:
                raise TypeError(f"row {self.row.id} has no probe")
            seen: Observation = self.row.probe(**subjects)
        except ControlFailed as failure:
            return _control_failed(failure.exchange)
        except Refused as refusal:
            return self._refused(refusal.exchange)
        except Failed as failure:
            return broken(what_failed(failure.exchange))
        except Unreadable as gap:
            return self._unreadable(gap)
        except CannotTell as doubt:
            return doubt.observation
        return self._with_shape(seen, subjects) if seen.verdict.good else seen

    def _subjects(self) -> dict[str, Any]:
        names = inspect.signature(self.row.probe or (lambda: None)).parameters
        model = self.models[self.row.needs]
        return {name: SUBJECTS[name](session=self.session, model=model) for name in names}

    def _plain_request_works(self, subjects: Mapping[str, Any]) -> None:
        for subject in subjects.values():
            if isinstance(subject, Embeddings):
                subject.control(ONE)
            elif isinstance(subject, Chat | Completions):
                subject.control()
            elif isinstance(subject, Models):
                subject.list()

    def _refused(self, exchange: Exchange) -> Observation:
        if self.row.base and exchange.status in _ABSENT:
            return rejected(f"the endpoint is absent: {exchange.status}")
        return rejected(f"refused with {exchange.status}{said(exchange)}")

    def _unreadable(self, gap: Unreadable) -> Observation:
        if any(gap.exchange is treatment for treatment in self.session.treatments):
            return broken(f"the answer lacks {gap.missing}, which every client reads")
        return inconclusive(f"the control's answer lacks {gap.missing}")

    def _with_shape(self, seen: Observation, subjects: Mapping[str, Any]) -> Observation:
        """The observation; partial where an answer breaks its schema and the plain request's does not.

        What no client can read is broken before it comes here: this field has its effect, and a fault beside it.
        """
        for exchange in self.session.treatments:
            faults = shape_faults(exchange)
            if faults and not self.row.base:
                faults = faults - self._usual_faults(exchange, subjects)
            if faults and not self.row.base:
                fault = f"but the answer breaks its schema where the control's does not: {min(faults)}"
                return replace(partial(f"{seen.reason}; {fault}"), evidence=seen.evidence)
        return seen

    def _usual_faults(self, exchange: Exchange, subjects: Mapping[str, Any]) -> frozenset[str]:
        for subject in subjects.values():
            if isinstance(subject, Chat | Completions) and subject.path == exchange.call.path:
                call = subject.control(stream=True) if exchange.call.streams else subject.control()
                return shape_faults(call.exchange)
            if isinstance(subject, Embeddings) and exchange.call.path == "/embeddings":
                return shape_faults(subject.control(ONE).exchange)
        return frozenset()


def _control_failed(exchange: Exchange) -> Observation:
    if exchange.status in _ABSENT and exchange.failure is None:
        return rejected(f"the endpoint is absent: {exchange.status}")
    return inconclusive(f"the control failed: {what_failed(exchange)}")


def what_failed(exchange: Exchange) -> str:
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
        return f"status {exchange.status}{said(exchange)}"
    exception = exchange.taken.exception if exchange.taken else None
    return f"the SDK cannot take the answer: {exception}"


def said(exchange: Exchange) -> str:
    """The message of an error envelope, clipped, as the end of a sentence."""
    message = member(exchange.json, "error", "message") or member(exchange.json, "error")
    if not isinstance(message, str) or not message:
        return ""
    printable = "".join(char if char.isprintable() else " " for char in message)
    return f": {printable[:120]}"


SCHEMAS = {
    ("/chat/completions", False): "chat_completion",
    ("/chat/completions", True): "chat_completion_chunk",
    ("/completions", False): "completion",
    ("/completions", True): "completion_chunk",
    ("/embeddings", False): "embedding_list",
    ("/models", False): "model_list",
}
"""Route and whether it streams -> schema of an accepted answer."""


def schema_of(exchange: Exchange) -> str | None:
    """Which schema an accepted answer must obey, None where there is none."""
    call = exchange.call
    if call.method == "GET" and call.path.startswith("/models/"):
        return "model"
    return SCHEMAS.get((call.path, call.streams))


def bodies(exchange: Exchange) -> list[Any]:
    """The JSON documents of an accepted answer: one, or those of its events."""
    if not exchange.call.streams:
        return [exchange.json]
    return [event.json for event in exchange.events if event.data.strip() != "[DONE]"]


def shape_faults(exchange: Exchange, severity: str = "must") -> frozenset[str]:
    """How an accepted answer breaks its schema."""
    schema = schema_of(exchange)
    if schema is None or not exchange.accepted:
        return frozenset()
    return frozenset(
        f"{found.path}: {found.message}"
        for body in bodies(exchange)
        for found in violations(schema, body)
        if found.severity == severity
    )
