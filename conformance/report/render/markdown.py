"""matrix.md: the documentation's own checklist, with a verdict beside each box; disagreements first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.checklist.verdicts import LEGEND, Verdict
from conformance.probes.endpoints import HEADINGS
from conformance.report.text import escape_markdown

Row = Mapping[str, Any]

_KIND_HEADINGS = {
    "features": "Supported features",
    "fields": "Supported request fields",
    "notes": "Notes",
    "response": "Answers",
    "stream": "Streams",
}
_MODELS_RETRIEVE = "retrieve"


def render_matrix(report: Mapping[str, Any]) -> str:
    """The whole page, as Markdown."""
    target = report["target"]
    lines = [f"# {escape_markdown(target['kind'])} {escape_markdown(target['version'] or '')}".rstrip(), ""]
    lines += _facts(report)
    lines += _disagreements(report)
    for endpoint, heading in HEADINGS.items():
        rows = [row for row in report["rows"] if row["endpoint"] == endpoint]
        lines += _section(heading, rows) if rows else []
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
        f"- Measured {report['started']} by openai-conformance {suite['version']}, {suite['sdk']}",
        f"- Cost: {report['requests']} requests, {generated} generated tokens, {report['seconds']} s",
    ]
    if report["claims"]:
        facts.append(f"- Claims: {report['claims']['source']}, as of {report['claims']['release']}")
    if not report["complete"]:
        facts.insert(0, "- **This run is partial**: rows that say `untested` were not asked.")
    facts += [f"- {escape_markdown(note)}" for note in report["notes"]]
    return [*facts, ""]


def find_disagreements(report: Mapping[str, Any]) -> tuple[list[Row], list[Row]]:
    """Rows claimed but not there, and rows there but not claimed."""
    wrong = [row for row in report["rows"] if row["agrees"] is False]
    return [row for row in wrong if row["claim"]], [row for row in wrong if not row["claim"]]


def _disagreements(report: Mapping[str, Any]) -> list[str]:
    if report["claims"] is None:
        return []
    missing, unclaimed = find_disagreements(report)
    lines = ["## Where the documentation is wrong", ""]
    if not missing and not unclaimed:
        return [*lines, "Nowhere: what could be observed is as documented.", ""]
    for heading, rows in (("Claimed but not there", missing), ("There but not claimed", unclaimed)):
        if rows:
            lines += [f"### {heading}", ""]
            lines += [f"- `{row['id']}`: {row['verdict']}: {escape_markdown(row['reason'])}" for row in rows]
            lines.append("")
    return lines


def _section(heading: str, rows: list[Row]) -> list[str]:
    lines = [f"## {heading}" if not heading.startswith("/") else f"## `{heading}`", ""]
    kinds = list(dict.fromkeys(row["id"].split("/")[1] for row in rows))
    for kind in kinds:
        of_kind = [row for row in rows if row["id"].split("/")[1] == kind]
        if len(kinds) > 1 or kind in _KIND_HEADINGS:
            lines += [f"### {_KIND_HEADINGS.get(kind, kind.replace('_', ' '))}", ""]
        lines += _documented_first(of_kind)
        lines.append("")
    return lines


def _documented_first(rows: list[Row]) -> list[str]:
    """Boxes of the documentation in its own order and nesting, then what it says nothing of."""
    documented = [row for row in rows if row["claim"] is not None]
    if not documented:
        return list(_boxes(rows))
    tops = {"/".join(row["id"].split("/")[:3]) for row in documented}
    theirs = [row for row in rows if "/".join(row["id"].split("/")[:3]) in tops]
    others = [row for row in rows if row not in theirs]
    lines = list(_boxes(theirs))
    if others:
        lines += ["", "Not on the page:", "", *_boxes(others)]
    return lines


def _boxes(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        depth = len(row["id"].split("/")) - 3
        mark = "x" if row["verdict"] in ("supported", "partial") else " "
        evidence = f" ({row['evidence']})" if row["evidence"] in ("parsed", "echoed") else ""
        wrong = " **claimed**" if row["agrees"] is False and row["claim"] else ""
        wrong = " **not claimed**" if row["agrees"] is False and not row["claim"] else wrong
        reason = "" if row["verdict"] == "supported" else f": {escape_markdown(row['reason'])}"
        title = row["title"] if "`" in row["title"] else escape_markdown(row["title"])
        yield f"{'  ' * depth}- [{mark}] {title} — {row['verdict']}{evidence}{wrong}{reason}"


def _legend() -> list[str]:
    lines = ["## Legend", "", "A box is ticked for `supported` and `partial`.", ""]
    return lines + [f"- `{verdict}`: {meaning}" for verdict, meaning in LEGEND.items()]
