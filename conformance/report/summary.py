"""The summary of a run for a CI's page, in Markdown: what matters first, and short enough to be shown whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.checklist.rows import ENDPOINTS
from conformance.checklist.verdicts import Verdict

from .compare import Change, Difference
from .matrix import disagreements, plain

MOST = 50
"""Entries of a list that are shown; GitHub refuses a summary above 1 MiB."""
_LONGEST = 300


def markdown(report: Mapping[str, Any], difference: Difference | None, written: Path) -> str:
    """The summary: regressions, disagreements with the documentation, counts, and where the report lies."""
    target = report["target"]
    lines = [f"## openai-conformance: {_cell(target['kind'])} {_cell(target['version'] or '')}".rstrip(), ""]
    shard = report.get("shard")
    if shard:
        lines += [f"Shard {shard['index']} of {shard['of']}: a part of the rows.", ""]
    elif not report["complete"]:
        lines += ["**This run is partial**: not every row was asked.", ""]
    lines += [f"- {_cell(note)}" for note in report["notes"]]
    if difference is not None:
        lines += _against(report, difference)
    lines += _documentation(report)
    lines += _counts(report)
    cost = f"{report['requests']} requests, {report['completion_tokens']} generated tokens, {report['seconds']} s"
    lines += ["", f"{cost}. Models: {_models(report)}.", ""]
    lines.append(f"The whole matrix: `{_cell(str(written.with_name('matrix.md')))}`, kept with the report.")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text of a server, harmless in Markdown: no markup, no link, no mention of anybody."""
    return plain(text)[:_LONGEST].replace("`", "'").replace("@", "@\u200b").replace("://", ":\u200b//")


def _against(report: Mapping[str, Any], difference: Difference) -> list[str]:
    baseline = report["baseline"] or {}
    of = f"{_cell(str(baseline.get('source')))} ({_cell(str(baseline.get('version') or 'no version'))})"
    groups = (
        ("Regressions", difference.regressions),
        ("Evidence lost", difference.lost_evidence),
        ("Improvements", difference.improvements),
    )
    if not any(changes for _, changes in groups):
        return [f"As expected: nothing is worse than in {of}.", ""]
    lines = [f"Against {of}:", ""]
    for heading, changes in groups:
        if changes:
            lines += [f"### {heading} ({len(changes)})", "", *_list(map(_change, changes), len(changes)), ""]
    return lines


def _change(change: Change) -> str:
    return f"- `{change.row}`: {change.old} → **{change.new}**: {_cell(change.reason)}"


def _list(entries: Iterable[str], count: int) -> list[str]:
    shown = [entry for _, entry in zip(range(MOST), entries, strict=False)]
    return shown if count <= MOST else [*shown, f"- and {count - MOST} more, in the matrix"]


def _documentation(report: Mapping[str, Any]) -> list[str]:
    if not report.get("claims"):
        return []
    missing, unclaimed = disagreements(report)
    if not missing and not unclaimed:
        return ["### Documentation", "", "What could be observed is as documented.", ""]
    lines: list[str] = []
    for heading, rows in (("Claimed but not there", missing), ("There but not claimed", unclaimed)):
        if rows:
            entries = (f"- `{row['id']}`: {row['verdict']}: {_cell(row['reason'])}" for row in rows)
            lines += [f"### {heading} ({len(rows)})", "", *_list(entries, len(rows)), ""]
    return lines


def _counts(report: Mapping[str, Any]) -> list[str]:
    """Rows per endpoint and verdict."""
    verdicts = [verdict for verdict in Verdict if report["counts"].get(str(verdict))]
    lines = ["| | " + " | ".join(verdicts) + " |", "|---|" + "---:|" * len(verdicts)]
    for endpoint, heading in ENDPOINTS.items():
        found = [row["verdict"] for row in report["rows"] if row["endpoint"] == endpoint]
        if found:
            lines.append(f"| {heading} | " + " | ".join(str(found.count(verdict)) for verdict in verdicts) + " |")
    total = " | ".join(f"**{report['counts'][str(verdict)]}**" for verdict in verdicts)
    return [*lines, f"| **all** | {total} |"]


def _models(report: Mapping[str, Any]) -> str:
    models = report["target"]["models"].items()
    return ", ".join(f"{_cell(name)} `{_cell(model['id'])}`" for name, model in models) or "none"
