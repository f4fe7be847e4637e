"""What only all answers of a run together can tell: the rows of rules, and the rows that follow from others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import RANKED, Verdict
from conformance.wire.exchange import Exchange

from .catalog import load_catalog
from .derive import derive_finding, expand_parts
from .expectation import assess_verdict

Exchanges = Sequence[Exchange]


def finalize_findings(
    findings: dict[str, Finding],
    answers: Exchanges,
    *,
    shards: Sequence[Exchanges] = (),
    models: Collection[str],
    selected: Collection[str],
    rules: bool = True,
) -> Iterator[Finding]:
    """Judge rules and derived rows, enter them into `findings`, and yield those that were selected.

    `answers`: the exchanges of the run, each call once. `shards`: all exchanges of each shard, where it was split: a
    call that several of them made is there several times. `models`: the capabilities that the target
    declares a model for. `selected`: ids of the rows that the run was to reach. Without `rules` (the run was
    interrupted), only what follows from findings is judged.
    """
    rows = load_catalog()
    for row in rows.values():
        if rules and row.rule is not None and row.id in selected:
            findings[row.id] = _by_rule(row, answers, shards) if row.capability in models else _absent(row)
            yield findings[row.id]
    # Rows that follow from others, which may follow from others themselves.
    waiting = {row.id: expand_parts(row, rows) for row in rows.values() if row.derived_from}
    while ready := [name for name, parts in waiting.items() if all(part in findings for part in parts)]:
        for name in ready:
            # In the order of the checklist, not in that of the workers: the reason lists them.
            parts = {part: findings[part] for part in waiting.pop(name)}
            findings[name] = derive_finding(rows[name], parts)
            if name in selected:
                yield findings[name]


def _absent(row: Row) -> Finding:
    reason = f"the target declares no model for {row.capability}"
    return Finding(row=row.id, verdict=Verdict.NOT_APPLICABLE, reason=reason)


def _by_rule(row: Row, answers: Exchanges, shards: Sequence[Exchanges]) -> Finding:
    """The finding of a rule.

    Shards may have asked different processes of one server: two of those may well give the same id to two answers,
    and what came after a bad request can only be seen within a shard. So a rule that only breaks across shards
    does not break, and one that a single shard breaks does.
    """
    if row.rule is None:
        raise ValueError(f"row {row.id} is no rule")
    whole: Finding = row.rule(answers)
    if not shards:
        return whole
    each: list[Finding] = [row.rule(shard) for shard in shards]
    ranked = [finding for finding in each if finding.verdict.rank is not None]
    if not ranked:
        return each[0] if whole.verdict is Verdict.BROKEN else whole
    due = max(ranked, key=lambda finding: RANKED.index(finding.verdict))
    return whole if whole.verdict is due.verdict else due


def has_regressions(
    findings: Mapping[str, Finding], expected: Callable[[str], Verdict | None], *, required: bool = False
) -> bool:
    """Return whether any row fails the run: worse than expected, evidence lost, or support required and lacking."""
    return any(
        assess_verdict(found.verdict, expected(row), require_supported=required).fails
        for row, found in findings.items()
    )
