"""matrix.md: the documentation's own checklist, with a verdict beside each box; disagreements first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conformance.checklist.verdicts import LEGEND, Verdict
from conformance.report.outline import (
    KIND_HEADINGS,
    UNCOUNTED_NOTE,
    Row,
    Section,
    build_sections,
    find_disagreements,
    group_by_resource,
    measure_depths,
)
from conformance.report.text import escape_markdown

_EXPLAINED = (Verdict.PARTIAL, Verdict.IGNORED, Verdict.BROKEN, Verdict.INCONCLUSIVE)
"""Verdicts about an operation that need a reason beside them."""


def render_matrix(report: Mapping[str, Any]) -> str:
    """Return the text of matrix.md."""
    target = report["target"]
    lines = [f"# {escape_markdown(target['kind'])} {escape_markdown(target['version'] or '')}".rstrip(), ""]
    lines += _facts(report)
    lines += _disagreements(report)
    depths = measure_depths(report["rows"])
    for section in build_sections(report["rows"]):
        lines += _section(section, depths) if section.is_counted else _uncounted(section)
    lines += _legend()
    return "\n".join(lines) + "\n"


def _facts(report: Mapping[str, Any]) -> list[str]:
    models = [
        f"{name} `{escape_markdown(model['id'])}`"
        + (f" ({escape_markdown(model['digest'])[:19]})" if model["digest"] else "")
        for name, model in report["target"]["models"].items()
    ]
    counts = ", ".join(f"{count} {verdict}" for verdict in Verdict if (count := report["counts"].get(str(verdict))))
    suite, generated = report["suite"], report["completion_tokens"]
    facts = [
        f"- Verdicts: {counts}",
        f"- Models: {'; '.join(models)}",
        *([f"- Chat is {escape_markdown(control['line'])}"] if (control := report["target"].get("control")) else []),
        f"- Measured {report['started']} by openai-conformance {suite['version']}, {suite['sdk']}",
        f"- Cost: {report['requests']} requests, {generated} generated tokens, {report['seconds']} s",
    ]
    if report["claims"]:
        facts.append(f"- Claims: {report['claims']['source']}, as of {report['claims']['release']}")
    if not report["complete"]:
        facts.insert(0, "- **This run is partial**: rows that say `untested` were not asked.")
    facts += [f"- {escape_markdown(note)}" for note in report["notes"]]
    return [*facts, ""]


def _disagreements(report: Mapping[str, Any]) -> list[str]:
    if report["claims"] is None:
        return []
    lines = ["## Where the documentation is wrong", ""]
    disagreements = find_disagreements(report)
    if not disagreements:
        return [*lines, "Nowhere: what could be observed is as documented.", ""]
    for heading, rows in disagreements.items():
        lines += [f"### {heading}", ""]
        lines += [f"- `{row['id']}`: {row['verdict']}: {escape_markdown(row['reason'])}" for row in rows]
        lines.append("")
    return lines


def _section(section: Section, depths: Mapping[str, int]) -> list[str]:
    heading = section.heading
    lines = [f"## {heading}" if not heading.startswith("/") else f"## `{heading}`", ""]
    for group in section.groups:
        if len(section.groups) > 1 or group.kind in KIND_HEADINGS:
            lines += [f"### {group.heading}", ""]
        lines += _boxes(group.rows, depths)
        if group.undocumented:
            lines += ["", "Not on the page:", "", *_boxes(group.undocumented, depths)]
        lines.append("")
    return lines


def _uncounted(section: Section) -> list[str]:
    """Return a section in short: a line per resource, with reasons only where a verdict does not say all."""
    lines = [f"## {section.heading.capitalize()}", "", UNCOUNTED_NOTE, ""]
    for resource, rows in group_by_resource(section.rows).items():
        told = []
        for verdict in Verdict:
            of_verdict = [row for row in rows if row["verdict"] == verdict]
            reasons = {row["reason"] for row in of_verdict} if verdict in _EXPLAINED else set()
            names = ", ".join(row["id"].rpartition("/")[2] for row in of_verdict)
            why = f" ({escape_markdown('; '.join(sorted(reasons)))})" if reasons else ""
            told += [f"{verdict}: {escape_markdown(names)}{why}"] if of_verdict else []
        lines.append(f"- `{resource}` — {'; '.join(told)}")
    return [*lines, ""]


def _boxes(rows: Iterable[Row], depths: Mapping[str, int]) -> Iterator[str]:
    for row in rows:
        mark = "x" if Verdict(row["verdict"]).is_positive else " "
        evidence = f" ({row['evidence']})" if row["evidence"] in ("parsed", "echoed") else ""
        wrong = " **claimed**" if row["agrees"] is False and row["claim"] else ""
        wrong = " **not claimed**" if row["agrees"] is False and not row["claim"] else wrong
        reason = "" if row["verdict"] == "supported" else f": {escape_markdown(row['reason'])}"
        title = row["title"] if "`" in row["title"] else escape_markdown(row["title"])
        yield f"{'  ' * depths[row['id']]}- [{mark}] {title} — {row['verdict']}{evidence}{wrong}{reason}"


def _legend() -> list[str]:
    lines = ["## Legend", "", "A box is ticked for `supported` and `partial`.", ""]
    return lines + [f"- `{verdict}`: {meaning}" for verdict, meaning in LEGEND.items()]
