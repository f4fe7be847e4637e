"""What a terminal shows: a letter per row while it runs, and what matters first when it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from conformance.checklist.findings import Finding
from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Verdict
from conformance.judge.expectation import Standing, assess_verdict
from conformance.report.compare import Difference, format_difference
from conformance.report.outline import find_disagreements
from conformance.report.text import clean_line

LETTERS = {
    "supported": ".",
    "partial": "p",
    "rejected": "r",
    "ignored": "i",
    "broken": "b",
    "inconclusive": "?",
    "not_applicable": "-",
    "untested": "u",
}
"""Verdict -> its letter in the line of progress; `F` is worse than expected."""

Outcome = Literal["passed", "failed", "xfailed", "skipped"]


def outcome_of(finding: Finding, expected: Verdict | None, *, required: bool) -> tuple[Outcome, str]:
    """Return how pytest's item of a row ends, and why.

    What fails the run fails its item. Of the rest, a verdict without support is an expected failure, and one that
    says nothing about the server is a skip. `required`: whether every counted row is to be supported.
    """
    verdict = finding.verdict
    reason = f"{verdict}: {clean_line(finding.reason, 600)}"
    standing = assess_verdict(verdict, expected, require_supported=required and is_counted(finding.row))
    if standing is Standing.NOT_SUPPORTED:
        return "failed", f"--require-supported: {reason}"
    if standing.fails:
        return "failed", f"expected {expected}, found {reason}"
    if verdict.is_positive:
        return "passed", reason
    return ("skipped" if verdict.rank is None else "xfailed"), reason


def shown_verdict(verdict: str, *, failed: bool) -> str:
    """Return the word that -v shows."""
    return f"{verdict.upper()} (worse than expected)" if failed else verdict.upper()


def format_summary(
    report: Mapping[str, Any], difference: Difference | None, written: Path, hints: Sequence[str]
) -> list[str]:
    """Return the lines that end a run: disagreements, regressions, counts, cost, and where the report lies."""
    lines = [""]
    lines += [f"NOTE: {clean_line(note)}" for note in report["notes"]]
    lines += _disagreements(report)
    if difference is not None:
        lines += _against(report, difference)
    counts = report["counts"]
    lines.append(", ".join(f"{counts[str(verdict)]} {verdict}" for verdict in Verdict if counts.get(str(verdict))))
    lines.append(
        f"{report['requests']} requests, {report['prompt_tokens']} prompt tokens, "
        f"{report['completion_tokens']} generated tokens, {report['seconds']} s"
    )
    lines += [f"not asked: {clean_line(hint)}" for hint in hints]
    lines.append(f"report: {written}" + ("" if report["complete"] else " (partial)"))
    lines.append(f"page:   {written.with_name('index.html')}")
    lines.append(f"matrix: {written.with_name('matrix.md')}")
    return lines


def _disagreements(report: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for heading, rows in find_disagreements(report).items():
        lines.append(f"{heading} ({len(rows)})")
        lines += [f"  {row['id']}: {row['verdict']}: {clean_line(row['reason'])}" for row in rows]
        lines.append("")
    return lines


def _against(report: Mapping[str, Any], difference: Difference) -> list[str]:
    baseline = report["baseline"] or {}
    lines = [f"Against {baseline.get('source')} ({baseline.get('version') or 'no version'}):"]
    return lines + format_difference(
        difference, groups=("regressions", "lost_evidence", "improvements", "gained_evidence")
    )
