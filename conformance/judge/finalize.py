"""What only all answers of a run together can tell: the rows of rules, and the rows that follow from others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row, is_counted
from conformance.checklist.verdicts import RANKED, Verdict
from conformance.wire.exchange import Exchange

from .catalog import load_catalog
from .derive import derive_finding, expand_parts
from .expectation import assess_verdict

Exchanges = Sequence[Exchange]

_UNJUDGED = ("concurrency", "existence")
"""Purposes of calls whose answers no rule judges."""


def finalize_findings(
    findings: Mapping[str, Finding],
    exchanges: Exchanges,
    *,
    shards: Sequence[Exchanges] = (),
    models: Collection[str],
    selected: Collection[str],
    rules: bool = True,
) -> dict[str, Finding]:
    """Return the findings of all rows: those given, of rules, and of rows that follow from others.

    Without `rules` (the run was interrupted), only what follows from findings is judged. For the other arguments see
    `judge_rules`.
    """
    judged = judge_rules(exchanges, shards=shards, models=models, selected=selected) if rules else {}
    return derive_findings({**findings, **judged})


def judge_rules(
    exchanges: Exchanges,
    *,
    shards: Sequence[Exchanges] = (),
    models: Collection[str],
    selected: Collection[str],
) -> dict[str, Finding]:
    """Return the findings of the selected rules by row.

    Rules are about what was asked in the first place: what was sent once more, to confirm a regression, has no part
    in them. `exchanges`: those of the run, each call once. `shards`: all exchanges of each shard, where the run was
    split; a call that several of them made is there several times. `models`: the capabilities that the target
    declares a model for. `selected`: ids of the rows that the run was to reach.
    """
    first = select_judged(exchanges)
    each = [select_judged(shard) for shard in shards]
    return {
        row.id: _judge_rule(row, first, each) if row.capability in models else _absent(row)
        for row in load_catalog().values()
        if row.rule is not None and row.id in selected
    }


def select_judged(exchanges: Exchanges) -> Exchanges:
    """Return the exchanges that rules are judged over: those of the first attempt, that rules are about at all."""
    # What was sent to see whether requests disturb each other says nothing of a request alone. Answers of routes that
    # may not be there are no answers of the endpoints that rules are about.
    calls = ((exchange, exchange.call) for exchange in exchanges)
    return [exchange for exchange, call in calls if call.attempt == 0 and call.purpose not in _UNJUDGED]


def derive_findings(findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """Return the findings with those of the rows that follow from them, and of the rows that follow from those."""
    rows = load_catalog()
    known = dict(findings)
    waiting = {row.id: expand_parts(row, rows) for row in rows.values() if row.derived_from}
    while ready := [row for row, parts in waiting.items() if known.keys() - waiting.keys() >= set(parts)]:
        for row in ready:
            # In the order of the checklist, not in that of the workers: the reason lists them.
            known[row] = derive_finding(rows[row], {part: known[part] for part in waiting.pop(row)})
    return known


def _absent(row: Row) -> Finding:
    reason = f"the target declares no model for {row.capability}"
    return Finding(row=row.id, verdict=Verdict.NOT_APPLICABLE, reason=reason)


def _judge_rule(row: Row, exchanges: Exchanges, shards: Sequence[Exchanges]) -> Finding:
    """Return the finding of a rule.

    Shards may have asked different processes of one server: two of those may well give the same id to two answers,
    and what came after a bad request can only be seen within a shard. So a rule that only breaks across shards
    does not break, and one that a single shard breaks does.
    """
    if row.rule is None:
        raise ValueError(f"row {row.id} is no rule")
    whole: Finding = row.rule(exchanges)
    if not shards:
        return whole
    each: list[Finding] = [row.rule(shard) for shard in shards]
    ranked = [finding for finding in each if finding.verdict.rank is not None]
    if not ranked:
        return each[0] if whole.verdict in (Verdict.PARTIAL, Verdict.BROKEN) else whole
    due = max(ranked, key=lambda finding: RANKED.index(finding.verdict))
    return whole if whole.verdict is due.verdict else due


def has_regressions(
    findings: Mapping[str, Finding], expected: Callable[[str], Verdict | None], *, required: bool = False
) -> bool:
    """Return whether any row fails the run: worse than expected, evidence lost, or support required and lacking."""
    return any(
        assess_verdict(found.verdict, expected(row), require_supported=required and is_counted(row)).fails
        for row, found in findings.items()
    )
