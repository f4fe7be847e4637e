"""What a run leaves on a CI's page: a summary in Markdown, and GitHub's annotations beside the commit.

Whatever a server answers is data there. GitHub's runner takes `::` at the beginning of a line (blanks before it do
not matter) for a command, and `##[` anywhere; its own escapes keep a line whole.
Source: "Workflow commands for GitHub Actions", and `ActionCommand` of the runner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Verdict
from conformance.probes.endpoints import HEADINGS
from conformance.report.compare import Change, Difference
from conformance.report.outline import find_disagreements
from conformance.report.text import clean_line, escape_command_data, escape_command_property, escape_summary

MAX_ANNOTATIONS = 10
"""GitHub shows no more errors of one step."""


def format_annotations(difference: Difference) -> list[str]:
    """Return a line for each regression and each row whose evidence was lost; the last counts what is too much."""
    changes = [*difference.regressions, *difference.lost_evidence]
    shown = changes if len(changes) <= MAX_ANNOTATIONS else changes[: MAX_ANNOTATIONS - 1]
    lines = [_error(change.row, _what(change)) for change in shown]
    if len(shown) < len(changes):
        rest = len(changes) - len(shown)
        lines.append(_error("openai-conformance", f"{rest} more rows are worse than expected; see the report"))
    return lines


def _what(change: Change) -> str:
    return f"{change.old} -> {change.new}: {clean_line(change.reason)}"


def _error(title: str, text: str) -> str:
    return f"::error title={escape_command_property(title)}::{escape_command_data(text)}"


MAX_LIST_ENTRIES = 50
"""Entries of a list that are shown; GitHub refuses a summary above 1 MiB."""


def format_summary(report: Mapping[str, Any], difference: Difference | None, written: Path) -> str:
    """Return the summary: regressions, disagreements with the documentation, counts, and where the report lies."""
    target = report["target"]
    server = f"{escape_summary(target['kind'])} {escape_summary(target['version'] or '')}".rstrip()
    lines = [f"## openai-conformance: {server}", ""]
    shard = report.get("shard")
    if shard:
        lines += [f"Shard {shard['index']} of {shard['of']}: a part of the rows.", ""]
    elif not report["complete"]:
        lines += ["**This run is partial**: not every row was asked.", ""]
    lines += [f"- {escape_summary(note)}" for note in report["notes"]]
    if difference is not None:
        lines += _against(report, difference)
    lines += _documentation(report)
    lines += _counts(report)
    cost = f"{report['requests']} requests, {report['completion_tokens']} generated tokens, {report['seconds']} s"
    lines += ["", f"{cost}. Models: {_models(report)}.", ""]
    lines.append(f"The whole matrix: `{escape_summary(str(written.with_name('matrix.md')))}`, kept with the report.")
    return "\n".join(lines) + "\n"


def _against(report: Mapping[str, Any], difference: Difference) -> list[str]:
    baseline = report["baseline"] or {}
    source, version = str(baseline.get("source")), str(baseline.get("version") or "no version")
    of = f"{escape_summary(source)} ({escape_summary(version)})"
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
            lines += [f"### {heading} ({len(changes)})", "", *_list(map(_change_entry, changes), len(changes)), ""]
    return lines


def _change_entry(change: Change) -> str:
    return f"- `{change.row}`: {change.old} → **{change.new}**: {escape_summary(change.reason)}"


def _list(entries: Iterable[str], count: int) -> list[str]:
    shown = [entry for _, entry in zip(range(MAX_LIST_ENTRIES), entries, strict=False)]
    return shown if count <= MAX_LIST_ENTRIES else [*shown, f"- and {count - MAX_LIST_ENTRIES} more, in the matrix"]


def _documentation(report: Mapping[str, Any]) -> list[str]:
    if not report.get("claims"):
        return []
    disagreements = find_disagreements(report)
    if not disagreements:
        return ["### Documentation", "", "What could be observed is as documented.", ""]
    lines: list[str] = []
    for heading, rows in disagreements.items():
        entries = (f"- `{row['id']}`: {row['verdict']}: {escape_summary(row['reason'])}" for row in rows)
        lines += [f"### {heading} ({len(rows)})", "", *_list(entries, len(rows)), ""]
    return lines


def _counts(report: Mapping[str, Any]) -> list[str]:
    """Rows per endpoint and verdict."""
    verdicts = [verdict for verdict in Verdict if report["counts"].get(str(verdict))]
    lines = ["| | " + " | ".join(verdicts) + " |", "|---|" + "---:|" * len(verdicts)]
    for endpoint, heading in HEADINGS.items():
        found = [row["verdict"] for row in report["rows"] if row["endpoint"] == endpoint]
        if found and is_counted(endpoint):
            lines.append(f"| {heading} | " + " | ".join(str(found.count(verdict)) for verdict in verdicts) + " |")
    total = " | ".join(f"**{report['counts'][str(verdict)]}**" for verdict in verdicts)
    return [*lines, f"| **all** | {total} |"]


def _models(report: Mapping[str, Any]) -> str:
    models = report["target"]["models"].items()
    return ", ".join(f"{escape_summary(name)} `{escape_summary(model['id'])}`" for name, model in models) or "none"


def write_ci_summary(
    report: Mapping[str, Any],
    difference: Difference | None,
    written: Path,
    *,
    named: str | None,
    environ: Mapping[str, str],
) -> list[str]:
    """Write the summary; return the lines to print.

    `named`: the file that --summary names, written anew. GitHub's own file, which belongs to the whole step, is
    only added to. A summary that cannot be written is told, and changes nothing else.
    """
    lines = format_annotations(difference) if difference and environ.get("GITHUB_ACTIONS") == "true" else []
    file = named or environ.get("GITHUB_STEP_SUMMARY")
    if file:
        try:
            with Path(file).open("w" if named else "a", encoding="utf-8") as summary:
                summary.write(format_summary(report, difference, written))
        except OSError as error:
            lines.append(f"warning: --summary: cannot write {file}: {error.strerror or error}")
    return lines
