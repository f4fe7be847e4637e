"""Rules that a run broke though better was expected: what broke them is sent once more before it is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row
from conformance.judge.catalog import load_catalog
from conformance.judge.derive import expand_parts
from conformance.probes.session import Send
from conformance.wire.exchange import Exchange

from .worker import combine_attempts

RULE_ATTEMPT = 2
"""`Call.attempt` of what is sent once more for a rule. It is not that of probes: a probe that ran once more may have
sent the same call, but long before the call that must come right after it."""


def confirm_rules(
    findings: Mapping[str, Finding],
    exchanges: Sequence[Exchange],
    *,
    is_regression: Callable[[Finding], bool],
    send: Send,
) -> dict[str, Finding]:
    """Judge rules once more that are worse than expected, or that a worse derived row follows from.

    The exchanges that a finding names (a rule names at most eight) are sent anew, and the rule is judged over the new
    ones alone. An inconclusive rule names none, so there is nothing to send; what may write to the server is not sent
    either. `findings`: of all rows, derived ones too. `exchanges`: those of the run. `send`: sends with the attempt
    `RULE_ATTEMPT`. Returns the new findings by row; a rule with two verdicts is inconclusive.

    Raises:
        ServerUnreachableError: there is no server left to ask.
    """
    by_id = {exchange.id: exchange for exchange in exchanges}
    confirmed = {}
    for row in _doubtful_rules(findings, is_regression):
        first = findings[row.id]
        named = [by_id[name] for name in first.exchanges if name in by_id]
        broken_by = [exchange for exchange in named if exchange.call.server != "native"]
        if broken_by and row.rule is not None:
            again = [exchange for each in broken_by for exchange in _send_again(each, by_id, send)]
            second = row.rule(again)
            if second.verdict is not first.verdict and not second.exchanges:
                second = replace(second, exchanges=tuple(exchange.id for exchange in again))
            confirmed[row.id] = combine_attempts(first, second)
    return confirmed


def _doubtful_rules(findings: Mapping[str, Finding], is_regression: Callable[[Finding], bool]) -> Iterator[Row]:
    rows = load_catalog()
    doubtful = {row for row, finding in findings.items() if is_regression(finding)}
    waiting = list(doubtful)
    while waiting:
        # Parts that hold need no exception: a rule that holds names no exchange.
        new = set(expand_parts(rows[waiting.pop()], rows)) & findings.keys() - doubtful
        doubtful |= new
        waiting += new
    return (row for row in rows.values() if row.id in doubtful and row.rule is not None)


def _send_again(exchange: Exchange, by_id: Mapping[str, Exchange], send: Send) -> Iterator[Exchange]:
    """Send a call anew, after the one that it must come right after."""
    bad = by_id.get(exchange.call.follows)
    if bad is not None:
        yield send(bad.call)
    yield send(exchange.call)
