"""Rows that follow from other rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import RANKED, Evidence, Verdict


def expand_parts(row: Row, rows: Iterable[str]) -> list[str]:
    """Return the rows that a derived row follows from; `id/*` stands for all rows below `id`."""
    found: list[str] = []
    for part in row.derived_from:
        if part.endswith("/*"):
            found += [name for name in rows if name.startswith(part[:-1])]
        else:
            found.append(part)
    return found


def combine_verdicts(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a whole by those of its parts.

    Good and worse parts make it `partial`; parts that all fail, the failure of most of them, and of as many the
    better one. A part that does not apply does not count; one that could not be told makes the whole inconclusive,
    unless it cannot change it.
    """
    known = [verdict for verdict in verdicts if verdict is not Verdict.NOT_APPLICABLE]
    if not known:
        return Verdict.NOT_APPLICABLE
    ranked = [verdict for verdict in known if verdict.rank is not None]
    outcomes = (
        {_of_ranked([*ranked, guess]) for guess in RANKED} if len(ranked) < len(known) else {_of_ranked(ranked)}
    )
    if len(outcomes) == 1:
        return outcomes.pop()
    return Verdict.UNTESTED if Verdict.UNTESTED in known else Verdict.INCONCLUSIVE


def _of_ranked(verdicts: Sequence[Verdict]) -> Verdict:
    if all(verdict is Verdict.SUPPORTED for verdict in verdicts):
        return Verdict.SUPPORTED
    if any(verdict.is_positive for verdict in verdicts):
        return Verdict.PARTIAL
    return max(verdicts, key=lambda verdict: (verdicts.count(verdict), -RANKED.index(verdict)))


def derive_finding(row: Row, findings: Mapping[str, Finding]) -> Finding:
    """Return the finding of a derived row."""
    parts = [findings[name] for name in expand_parts(row, findings) if name in findings]
    verdict = combine_verdicts(part.verdict for part in parts)
    models = [part.model for part in parts if part.model]
    return Finding(
        row=row.id,
        verdict=verdict,
        reason=_reason(row, parts),
        evidence=_evidence(verdict, parts),
        exchanges=tuple(dict.fromkeys(exchange for part in parts for exchange in part.exchanges))[:40],
        model=models[0] if models else None,
    )


def _evidence(verdict: Verdict, parts: list[Finding]) -> Evidence:
    grades = list(Evidence)
    good = [part.evidence for part in parts if part.verdict.is_positive] if verdict.is_positive else []
    return max(good, key=grades.index) if good else Evidence.NONE


def _reason(row: Row, parts: list[Finding]) -> str:
    if len(parts) == 1:
        return parts[0].reason
    groups: dict[Verdict, list[str]] = {}
    for part in parts:
        name = part.row.removeprefix(row.id + "/")
        groups.setdefault(part.verdict, []).append("/".join(name.split("/")[2:]) if name == part.row else name)
    return describe_parts(groups)


def describe_parts(groups: Mapping[Verdict, Sequence[str]]) -> str:
    """Return which parts have which verdict, in words: `logprobs is partial, top_logprobs supported`.

    The words do not begin with a verdict: that of the whole stands before them wherever they are printed.
    """
    clauses: list[str] = []
    for verdict, names in groups.items():
        verb = "" if clauses else "is " if len(names) == 1 else "are "  # the first clause's holds for all
        clauses.append(f"{_list_names(names)} {verb}{str(verdict).replace('_', ' ')}")
    return ("; " if any("," in clause for clause in clauses) else ", ").join(clauses)


def _list_names(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
