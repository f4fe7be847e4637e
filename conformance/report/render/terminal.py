"""What a terminal shows of rows and of a report: what matters first, and a conclusion as the last line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from conformance.checklist.findings import Finding
from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Verdict
from conformance.judge.expectation import Standing, assess_verdict
from conformance.report.compare import Change, Difference
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
"""Verdict -> its letter in pytest's line of progress; `F` is worse than expected."""

Tone = Literal["plain", "heading", "bad", "good", "dim"]

Outcome = Literal["passed", "failed", "xfailed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the end of a run, and the tone that it is coloured by where there are colours."""

    text: str
    tone: Tone = "plain"


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
    """Return the word that pytest's -v shows."""
    return f"{verdict.upper()} (worse than expected)" if failed else verdict.upper()


def format_summary(
    report: Mapping[str, Any],
    written: Path,
    hints: Sequence[str],
    *,
    difference: Difference | None,
    baseline: Mapping[str, Any] | None,
    width: int,
    required: bool = False,
) -> list[Line]:
    """Return the lines that end a run, but for its conclusion.

    In this order: what is worse than the baseline or wrong in the documentation; what is silently ignored or broken;
    models and cost; where the page lies. `baseline`: the target that the baseline was found on. `width`: in columns.
    `required`: whether every counted row is to be supported.
    """
    lines: list[Line] = []
    if difference is not None and baseline is not None:
        lines += _format_difference(report, difference, baseline, width)
    if required and (unsupported := _unsupported_rows(report)):
        lines.append(Line(text=f"Not supported, as --require-supported asks ({len(unsupported)})", tone="bad"))
        lines += [*_wrap_names(unsupported, width), Line(text="")]
    lines += _format_disagreements(report, width)
    lines += _format_faults(report, width)
    notes = [clean_line(note, 400) for note in report["notes"] if not note.startswith(_ENDS)]
    lines += [line for note in notes for line in _wrap(f"note: {note}", width)]
    counts = report["counts"]
    said = ", ".join(f"{counts[str(verdict)]} {verdict}" for verdict in Verdict if counts.get(str(verdict)))
    lines += [*_wrap(said, width), *_format_models(report, width)]
    lines += [line for hint in hints for line in _wrap(f"not asked: {clean_line(hint, 400)}", width, "dim")]
    lines.append(
        Line(
            text=f"{report['requests']:,} requests, {report['prompt_tokens']:,} prompt tokens, "
            f"{report['completion_tokens']:,} generated tokens, {report['seconds']} s"
        )
    )
    partial = "" if report["complete"] else " (partial: not every row was asked)"
    lines.append(Line(text=f"page: {written.with_name('index.html')}{partial}"))
    lines.append(Line(text="evidence of a row: openai-conformance explain ROW", tone="dim"))
    return lines


def _wrap(text: str, width: int, tone: Tone = "plain", indent: int = 2) -> list[Line]:
    """Return a text as lines; ids and addresses are not broken."""
    broken = textwrap.wrap(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )
    return [Line(text=each, tone=tone) for each in broken]


def _format_difference(
    report: Mapping[str, Any], difference: Difference, baseline: Mapping[str, Any], width: int
) -> list[Line]:
    here, there = (_name(target) for target in (report["target"], baseline))
    lines: list[Line] = []
    if baseline["kind"] not in (None, report["target"]["kind"]):
        words = f"ANOTHER SERVER: the baseline is of {there}, and this is {here}: differences are no regressions"
        lines += _wrap(words, width, "bad")
    if difference.changed_models:
        words = f"another model answered for {', '.join(difference.changed_models)}: changes there may be the model's"
        lines += _wrap(words, width, "bad")
    for heading, changes, tone in (
        (f"Worse than {there}", difference.regressions, "bad"),
        (f"No longer told, as it was of {there}", difference.lost_evidence, "bad"),
    ):
        lines += _format_changes(heading, changes, width, tone)  # type: ignore[arg-type]
    better = [*difference.improvements, *difference.gained_evidence]
    if better:
        lines += [Line(text=f"Better than {there} ({len(better)})", tone="good")]
        lines += _wrap_names([change.row for change in better], width)
    if not difference.regressions and not difference.lost_evidence:
        lines.append(Line(text=f"0 regressions against {there}", tone="good"))
    if difference.untested:
        lines.append(Line(text=f"not asked in one of the two: {difference.untested} rows", tone="dim"))
    return [*lines, Line(text="")]


def _format_changes(heading: str, changes: Sequence[Change], width: int, tone: Tone) -> list[Line]:
    if not changes:
        return []
    lines = [Line(text=f"{heading} ({len(changes)})", tone=tone)]
    for change in changes:
        text = f"  {change.row}: {change.old} -> {change.new}: {clean_line(change.reason)}"
        lines += _wrap(text, width, indent=6)
    return lines


def _name(target: Mapping[str, Any]) -> str:
    return clean_line(f"{target['kind'] or 'the baseline'} {target['version'] or ''}".strip(), 60)


_ENDS = ("the run was interrupted", "the run ended early")
"""Notes that the conclusion tells."""

_WRONG = {"Claimed but not there": "claimed, and not there", "There but not claimed": "there, and not claimed"}


def _format_disagreements(report: Mapping[str, Any], width: int) -> list[Line]:
    groups = find_disagreements(report)
    if not groups:
        return []
    lines = [Line(text=f"Wrong in the documentation ({sum(map(len, groups.values()))})", tone="heading")]
    for heading, rows in groups.items():
        for row in rows:
            reason = clean_line(row["reason"])
            lines += _wrap(f"  {row['id']}: {_WRONG[heading]}: {row['verdict']}: {reason}", width, indent=6)
    return [*lines, Line(text="")]


def _format_faults(report: Mapping[str, Any], width: int) -> list[Line]:
    """Return the fields that are silently ignored, by endpoint, and the rows that are broken."""
    lines = []
    ignored = _ignored_fields(report)
    if ignored:
        total = sum(map(len, ignored.values()))
        lines.append(Line(text=f"Request fields that are silently ignored ({total})", tone="heading"))
        for endpoint, names in ignored.items():
            lines += _wrap(f"  {endpoint}: {', '.join(names)}", width, indent=4)
    broken = _broken_rows(report)
    if broken:
        lines += [Line(text=f"Broken ({len(broken)})", tone="heading"), *_wrap_names(broken, width)]
    return [*lines, Line(text="")] if lines else []


def _ignored_fields(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return endpoint -> its request fields that are silently ignored, members of theirs left out."""
    ignored: dict[str, list[str]] = {}
    for row in report["rows"]:
        endpoint, kind, *name = row["id"].split("/")
        if row["verdict"] == Verdict.IGNORED and kind == "fields" and len(name) == 1:
            ignored.setdefault(endpoint, []).append(name[0])
    return ignored


def _unsupported_rows(report: Mapping[str, Any]) -> list[str]:
    """Return the counted rows that lack support."""
    verdicts = {row["id"]: Verdict(row["verdict"]) for row in report["rows"] if is_counted(row["id"])}
    return [row for row, verdict in verdicts.items() if assess_verdict(verdict, None, require_supported=True).fails]


def _broken_rows(report: Mapping[str, Any]) -> list[str]:
    return [row["id"] for row in report["rows"] if row["verdict"] == Verdict.BROKEN and is_counted(row["id"])]


def _wrap_names(names: Iterable[str], width: int) -> list[Line]:
    return _wrap("  " + ", ".join(names), width)


def _format_models(report: Mapping[str, Any], width: int) -> list[Line]:
    roles: dict[str, list[str]] = {}
    for role, model in report["target"]["models"].items():
        roles.setdefault(clean_line(str(model["id"]), 100), []).append(role)
    said = [f"model for {', '.join(its)}: {name}" for name, its in roles.items()]
    return [line for each in said for line in _wrap(each, width)]


def format_conclusion(
    report: Mapping[str, Any],
    status: int,
    *,
    difference: Difference | None,
    baseline: Mapping[str, Any] | None,
    required: bool = False,
    ended: str = "",
) -> Line:
    """Return the last line: what it comes to, and the exit status.

    `required`: whether every counted row is to be supported. `ended`: what ended the run early.
    """
    rows = [row for row in report["rows"] if is_counted(row["id"])]
    asked = sum(row["verdict"] != Verdict.UNTESTED for row in rows)
    parts = [f"{clean_line(ended, 300)}; {asked:,} of {len(rows):,} rows have a verdict"] if ended else []
    if difference is not None and baseline is not None:
        worse = len(difference.regressions) + len(difference.lost_evidence)
        better = len(difference.improvements) + len(difference.gained_evidence)
        parts.append(f"{worse or 'nothing'} worse and {better or 'nothing'} better than {_name(baseline)}")
    elif not ended:
        ignored = sum(map(len, _ignored_fields(report).values()))
        broken = len(_broken_rows(report))
        parts.append(f"silently ignored fields: {ignored}, broken rows: {broken}; no baseline")
    if required:
        parts.append(f"not supported: {len(_unsupported_rows(report))}")
    return Line(text=f"{'; '.join(parts)}: exit status {status}", tone="good" if status == 0 else "bad")
