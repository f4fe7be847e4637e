"""Rules of errors, over all bad requests of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.checklist.verdicts import Severity
from conformance.judge.schema import violations
from conformance.probes import chance
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .registry import cross_response_rule, is_error_response, rule


def _answered(exchange: Exchange) -> bool:
    return exchange.failure is None and exchange.status is not None and exchange.call.server != "native"


@rule("errors/response/envelope", is_error_response, title="every error has an envelope", chance=chance.RULE_REFUSALS)
def envelope(exchange: Exchange) -> str | None:
    """An error is `{"error": {"message", "type", "param", "code"}}`."""
    if exchange.call.server == "native":
        return None
    found = sorted(
        f"{each.path}: {each.message}" for each in violations("error", exchange.json) if each.severity == "must"
    )
    return found[0] if found else ""


@rule(
    "errors/response/content_type",
    is_error_response,
    severity=Severity.SHOULD,
    title="errors are JSON",
    chance=chance.RULE_REFUSALS,
)
def content_type(exchange: Exchange) -> str | None:
    """An error is application/json."""
    if exchange.call.server == "native":
        return None
    kind = exchange.header("content-type")
    return "" if kind.startswith("application/json") else f"content-type is {quote_value(kind, 60)}"


@rule("errors/response/no_5xx", _answered, title="no request makes the server fail", chance=chance.RULE_STATUS)
def no_5xx(exchange: Exchange) -> str:
    """Whatever a client sends, the fault is named with a 4xx; a 5xx says that the server failed."""
    status = exchange.status or 0
    return f"a request is answered with {status}" if status >= 500 and status not in (501, 503) else ""


@rule(
    "errors/response/no_error_in_200",
    lambda exchange: exchange.accepted,
    title="no error inside a 200",
    chance=chance.RULE_STATUS,
)
def no_error_in_200(exchange: Exchange) -> str | None:
    """An answer with status 200 is no error envelope."""
    body = exchange.json
    if not isinstance(body, dict):
        return None
    # A response of /v1/responses that failed tells its error, and is a response.
    is_answer = "choices" in body or body.get("object") == "response"
    return "an error envelope came with status 200" if body.get("error") and not is_answer else ""


@cross_response_rule(
    "errors/response/survives", title="the server answers after every bad request", chance=chance.RULE_STATUS
)
def stays_available(exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """After each bad request a plain one is answered, which is sent right after it and for nothing else."""
    for exchange in exchanges:
        if exchange.call.purpose != "after_error" or exchange.busy:
            continue
        if exchange.failure is not None:
            yield exchange.id, "the request after a bad one got no answer"
        else:
            fault = f"the request after a bad one is answered with status {exchange.status}"
            yield exchange.id, "" if exchange.accepted else fault
