"""Rules of errors, over all bad requests of a run."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Severity
from conformance.judge.finding import Finding
from conformance.judge.ruling import refusal, rule, ruled, run_rule
from conformance.judge.schema import violations
from conformance.wire.exchange import Exchange


def _answered(exchange: Exchange) -> bool:
    return exchange.failure is None and exchange.status is not None and exchange.call.server != "native"


@rule("errors/response/envelope", refusal, title="every error has an envelope")
def envelope(exchange: Exchange) -> str | None:
    """An error is `{"error": {"message", "type", "param", "code"}}`."""
    if exchange.call.server == "native":
        return None
    found = sorted(
        f"{each.path}: {each.message}" for each in violations("error", exchange.json) if each.severity == "must"
    )
    return found[0] if found else ""


@rule("errors/response/content_type", refusal, severity=Severity.SHOULD, title="errors are JSON")
def content_type(exchange: Exchange) -> str | None:
    """An error is application/json."""
    if exchange.call.server == "native":
        return None
    kind = exchange.header("content-type")
    return "" if kind.startswith("application/json") else f"content-type is {kind[:60]!r}"


@rule("errors/response/no_5xx", _answered, title="no request makes the server fail")
def no_5xx(exchange: Exchange) -> str:
    """Whatever a client sends, the fault is named with a 4xx; a 5xx says that the server failed."""
    status = exchange.status or 0
    return f"a request is answered with {status}" if status >= 500 and status not in (501, 503) else ""


@rule("errors/response/no_error_in_200", lambda exchange: exchange.accepted, title="no error inside a 200")
def no_error_in_200(exchange: Exchange) -> str | None:
    """An answer with status 200 is no error envelope."""
    body = exchange.json
    if not isinstance(body, dict):
        return None
    return "an error envelope came with status 200" if body.get("error") and "choices" not in body else ""


@run_rule("errors/response/survives", title="the server answers after every bad request")
def survives(row: Row, exchanges: Sequence[Exchange]) -> Finding:
    """After each bad request the next one is answered."""
    ordered = sorted(exchanges, key=lambda exchange: exchange.started)
    wrong: list[tuple[str, str]] = []
    tested = 0
    for index, exchange in enumerate(ordered):
        ended = exchange.started + exchange.seconds
        later = [other for other in ordered[index + 1 :] if other.started >= ended][:1]
        if not refusal(exchange) or not later:
            continue
        tested += 1
        if later[0].failure is not None:
            wrong.append((exchange.id, "the request after a bad one got no answer"))
    return ruled(row, tested, wrong)
