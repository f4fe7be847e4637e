"""How a rule row is declared, and how it is judged over all answers of a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row, declare
from conformance.checklist.verdicts import Evidence, Severity, Verdict
from conformance.probes.control import LOWEST_TEMPERATURE
from conformance.probes.endpoints import GENERATION_ROUTES, Endpoint, capability_of
from conformance.probes.errors import is_bad_request
from conformance.probes.registry import located
from conformance.wire.exchange import Call, Exchange

Check = Callable[[Exchange], str | None]
"""What is wrong with an answer; empty where nothing is; None where the answer cannot test the rule."""

CrossCheck = Callable[[Sequence[Exchange]], Iterable[tuple[str, str]]]
"""Exchange id and fault, empty where there is none, of each answer that can test a rule over all answers of a run."""

Applies = Callable[[Exchange], bool]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The judge of a rule row: its id, and what it checks over all answers of a run."""

    row: str
    check: CrossCheck
    fault_verdict: Verdict = Verdict.BROKEN
    """What an answer that does not keep the rule makes of the row."""
    lack: str = ""
    """Why the row does not apply to a server whose answers do not test the rule, though they were asked to."""
    applies: Applies | None = None
    """Whether an answer was asked to."""

    def __call__(self, exchanges: Sequence[Exchange]) -> Finding:
        """Return `supported` if the rule held in every answer that could test it, else the verdict of a fault."""
        tested = list(self.check(exchanges))
        wrong = [(exchange, fault) for exchange, fault in tested if fault]
        if not tested and self.lack and self.applies and any(self.applies(exchange) for exchange in exchanges):
            return Finding(row=self.row, verdict=Verdict.NOT_APPLICABLE, reason=self.lack)
        if not tested:
            reason = "no answer of this run could test the rule"
            return Finding(row=self.row, verdict=Verdict.INCONCLUSIVE, reason=reason)
        if not wrong:
            reason = "the rule held in every answer"
            return Finding(row=self.row, verdict=Verdict.SUPPORTED, reason=reason, evidence=Evidence.EFFECT)
        faults = sorted({fault for _, fault in wrong})
        others = len(faults) - 1
        more = f"; and {others} other fault{'s' if others > 1 else ''}" if others else ""
        return Finding(
            row=self.row,
            verdict=self.fault_verdict,
            reason=f"{faults[0]}{more}",
            evidence=Evidence.EFFECT,
            exchanges=tuple(sorted({exchange for exchange, _ in wrong}))[:MAX_EXCHANGES],
        )


MAX_EXCHANGES = 8
"""Exchanges that the finding of a broken rule names."""


def rule(
    row: str,
    applies: Applies,
    *,
    chance: str,
    severity: Severity = Severity.MUST,
    title: str = "",
    description: str = "",
    capability: str = "",
    fault_verdict: Verdict = Verdict.BROKEN,
    lack: str = "",
) -> Callable[[Check], Check]:
    """Declare a rule row about single answers. The docstring of the check says what holds.

    `capability`: what the target must declare a model for, where that is not the endpoint's. `fault_verdict`:
    `partial` where no client is known that an answer at fault breaks. `lack`: why the row is `not_applicable` where
    there are answers that the rule applies to, and none of them can test it; empty: it is `inconclusive`.
    """

    def register(check: Check) -> Check:
        def check_each(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
            for exchange in exchanges:
                if applies(exchange) and (fault := check(exchange)) is not None:
                    yield exchange.id, fault

        described = description or inspect.cleandoc(check.__doc__ or "")
        judge = Rule(row=row, check=check_each, fault_verdict=fault_verdict, lack=lack, applies=applies)
        _declare_rule(judge, severity, title, described, chance, located(check), capability)
        return check

    return register


def cross_response_rule(
    row: str,
    *,
    chance: str,
    severity: Severity = Severity.MUST,
    title: str = "",
    capability: str = "",
    lack: str = "",
    applies: Applies | None = None,
) -> Callable[[CrossCheck], CrossCheck]:
    """Declare a rule row about all answers together. The docstring of the check says what holds.

    `lack` and `applies`: as in `Rule`.
    """

    def register(check: CrossCheck) -> CrossCheck:
        judge = Rule(row=row, check=check, lack=lack, applies=applies)
        described = inspect.cleandoc(check.__doc__ or "")
        _declare_rule(judge, severity, title, described, chance, located(check), capability)
        return check

    return register


def _declare_rule(
    judge: Rule,
    severity: Severity,
    title: str,
    description: str,
    chance: str,
    at: tuple[str, int],
    capability: str,
) -> None:
    declare(
        Row(
            id=judge.row,
            description=description,
            title=title,
            capability=capability or capability_of(judge.row),
            severity=severity,
            false_verdict_probability=chance,
            rule=judge,
            declared_at=at,
        )
    )


def applies_to_plain(endpoint: type[Endpoint], *, sampled: bool = False) -> Applies:
    """Return a filter for accepted answers of an endpoint that are no streams, to requests that are not bad ones.

    `sampled`: also those that chance had a part in.
    """

    def applies(exchange: Exchange) -> bool:
        call = exchange.call
        wanted = call.body.get("stream") if isinstance(call.body, dict) else None
        return (
            exchange.accepted
            and endpoint.answers(call)
            and wanted in (None, False)
            and (sampled or _greedy(call))
            and not is_bad_request(call)
        )

    return applies


def applies_to_stream(endpoint: type[Endpoint]) -> Applies:
    """Return a filter for accepted streams of an endpoint that were read to their end, but for bad requests."""
    return lambda exchange: (
        exchange.accepted
        and endpoint.answers(exchange.call)
        and exchange.call.streams
        and not exchange.call.aborts
        and not _was_left(exchange)
        and _greedy(exchange.call)
        and not is_bad_request(exchange.call)
    )


def _was_left(exchange: Exchange) -> bool:
    """Tell whether the SDK's own reader of streams raised, and left the rest on the wire."""
    result = exchange.sdk_result
    return exchange.call.transport == "sdk_stream" and result is not None and result.exception is not None


def _greedy(call: Call) -> bool:
    """Tell whether the text can be had again. A fault that hangs on a sampled text comes in one run of ten.

    Seen: llama.cpp sends no role where the first token is half an emoji.
    """
    if call.path not in GENERATION_ROUTES:
        return True
    if not isinstance(call.body, dict):
        return False
    # Some servers take no temperature, so that no plain request has one.
    return bool(call.body.get("temperature", 0 if call.sdk_method else 1) in (0, LOWEST_TEMPERATURE))


def is_error_response(exchange: Exchange) -> bool:
    """Tell whether an answer is an error."""
    return exchange.failure is None and exchange.status is not None and exchange.status >= 400
