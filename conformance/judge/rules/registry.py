"""How a rule row is declared, and how it is judged over all answers of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row, declare
from conformance.checklist.verdicts import Evidence, Severity, Verdict
from conformance.probes.endpoints import GENERATION_ROUTES, Endpoint, capability_of
from conformance.probes.registry import located
from conformance.wire.exchange import Call, Exchange

Check = Callable[[Exchange], str | None]
"""What is wrong with an answer; empty where nothing is; None where the answer cannot test the rule."""

Applies = Callable[[Exchange], bool]


def check_each(row: Row, check: Check, exchanges: Iterable[Exchange]) -> Finding:
    """A rule about single answers: `supported` if it held in every one that could test it, else `broken`."""
    tested = 0
    wrong: list[tuple[str, str]] = []
    for exchange in exchanges:
        fault = check(exchange)
        if fault is None:
            continue
        tested += 1
        if fault:
            wrong.append((exchange.id, fault))
    return make_rule_finding(row, tested, wrong)


def make_rule_finding(row: Row, tested: int, wrong: Sequence[tuple[str, str]]) -> Finding:
    """The finding of a rule: `wrong` holds exchange and fault of each answer that breaks it."""
    if not tested:
        return Finding(row=row.id, verdict=Verdict.INCONCLUSIVE, reason="no answer of this run could test the rule")
    if not wrong:
        return Finding(
            row=row.id, verdict=Verdict.SUPPORTED, reason="the rule held in every answer", evidence=Evidence.EFFECT
        )
    faults = sorted({fault for _, fault in wrong})
    more = f"; and {len(faults) - 1} other faults" if len(faults) > 1 else ""
    return Finding(
        row=row.id,
        verdict=Verdict.BROKEN,
        reason=f"{faults[0]}{more}",
        evidence=Evidence.EFFECT,
        exchanges=tuple(dict.fromkeys(sorted(exchange for exchange, _ in wrong)))[:8],
    )


def rule(
    row: str, applies: Applies, *, severity: Severity = Severity.MUST, title: str = "", description: str = ""
) -> Callable[[Check], Check]:
    """Declare a rule row about single answers. The docstring says what holds."""

    def register(check: Check) -> Check:
        def over_all(exchanges: Sequence[Exchange]) -> Finding:
            return check_each(declared, check, (exchange for exchange in exchanges if applies(exchange)))

        declared = declare(
            Row(
                id=row,
                description=description or (check.__doc__ or "").strip(),
                title=title,
                capability=capability_of(row),
                severity=severity,
                rule=over_all,
                declared_at=located(check),
            )
        )
        return check

    return register


def cross_response_rule(
    row: str, *, severity: Severity = Severity.MUST, title: str = ""
) -> Callable[[Callable[..., Finding]], None]:
    """Declare a rule row about all answers together. The function takes the row and the exchanges."""

    def register(judge: Callable[..., Finding]) -> None:
        declared = declare(
            Row(
                id=row,
                description=(judge.__doc__ or "").strip(),
                title=title,
                severity=severity,
                rule=lambda exchanges: judge(declared, exchanges),
                declared_at=located(judge),
            )
        )

    return register


def applies_to_plain(endpoint: type[Endpoint], *, sampled: bool = False) -> Applies:
    """Accepted answers of a route that are no streams, and were not asked for with nonsense as `stream`.

    `sampled`: also those that chance had a part in.
    """

    def applies(exchange: Exchange) -> bool:
        call = exchange.call
        wanted = call.body.get("stream") if isinstance(call.body, dict) else None
        return exchange.accepted and endpoint.answers(call) and wanted in (None, False) and (sampled or _greedy(call))

    return applies


def applies_to_stream(endpoint: type[Endpoint]) -> Applies:
    """Accepted streams of a route that were read to their end."""
    return lambda exchange: (
        exchange.accepted
        and endpoint.answers(exchange.call)
        and exchange.call.streams
        and not exchange.call.aborts
        and _greedy(exchange.call)
    )


def _greedy(call: Call) -> bool:
    """Whether the text can be had again. A fault that hangs on a sampled text would be there in one run in ten.

    Seen: llama.cpp sends no role where the first token is half an emoji.
    """
    return call.path not in GENERATION_ROUTES or (isinstance(call.body, dict) and call.body.get("temperature") == 0)


def is_error_response(exchange: Exchange) -> bool:
    """Answers that are errors."""
    return exchange.failure is None and exchange.status is not None and exchange.status >= 400
