"""matrix.md: the documentation's page with a verdict beside each of its boxes, then what the page does not name."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformance.checklist.claims import Box, PageSection, claims_of
from conformance.checklist.verdicts import LEGEND, Verdict
from conformance.report.outline import (
    KIND_HEADINGS,
    UNCOUNTED_NOTE,
    Row,
    Section,
    build_sections,
    find_disagreements,
    format_title,
    group_by_resource,
    measure_depths,
    separate_unprobed,
    split_levels,
)
from conformance.report.text import escape_markdown

_EXPLAINED = (Verdict.PARTIAL, Verdict.IGNORED, Verdict.BROKEN, Verdict.INCONCLUSIVE)
"""Verdicts about an operation that need a reason beside them."""


def render_matrix(report: Mapping[str, Any]) -> str:
    """Return the text of matrix.md: facts, legend, where the documentation is wrong, its page, what it leaves out.

    Without a documentation there is no page to mirror, and all rows stand in the order of the checklist.
    """
    report = separate_unprobed(report)
    target = report["target"]
    claims = claims_of(target["kind"], target["version"]) if report["claims"] else None
    lines = [f"# {escape_markdown(target['kind'])} {escape_markdown(target['version'] or '')}".rstrip(), ""]
    lines += [*_facts(report), *_legend(report), *_disagreements(report)]
    on_page: set[str] = set()
    if claims is not None:
        lines += ["## The documentation's page", "", "Its boxes and notes, in its words, with what was found.", ""]
        for section, boxes in claims.sections():
            lines += _page_section(section, boxes, report)
            on_page |= {box.row for box in boxes}
        lines += ["## What the page does not name", ""]
    rest = [row for row in report["rows"] if row["id"] not in on_page]
    depths = measure_depths(rest)
    mark = "##" if claims is None else "###"
    for other in build_sections(rest):
        lines += _section(other, depths, mark) if other.is_counted else _uncounted(other, mark)
    return "\n".join(lines).rstrip("\n") + "\n"


def _facts(report: Mapping[str, Any]) -> list[str]:
    counts = ", ".join(
        f"{count} {_word(verdict)}" for verdict in Verdict if (count := report["counts"].get(str(verdict)))
    )
    suite, generated = report["suite"], report["completion_tokens"]
    facts = [
        f"- Verdicts: {counts}",
        *_models(report),
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


def _models(report: Mapping[str, Any]) -> list[str]:
    """Return a line per model, with the capabilities that it stood for."""
    roles: dict[str, list[str]] = {}
    for role, model in report["target"]["models"].items():
        digest = f" ({escape_markdown(model['digest'])[:19]})" if model["digest"] else ""
        roles.setdefault(f"`{escape_markdown(model['id'])}`{digest}", []).append(role)
    return [f"- Model {model}: {', '.join(names)}" for model, names in roles.items()]


def _word(verdict: str) -> str:
    return verdict.replace("_", " ")


def _legend(report: Mapping[str, Any]) -> list[str]:
    """Return what the verdicts of this report mean; it stands before the first of them."""
    used = {row["verdict"] for row in report["rows"]}
    lines = ["A box is ticked for supported and partial.", ""]
    return [*lines, *(f"- {_word(verdict)}: {words}" for verdict, words in LEGEND.items() if verdict in used), ""]


def _disagreements(report: Mapping[str, Any]) -> list[str]:
    if report["claims"] is None:
        return []
    lines = ["## Where the documentation is wrong", ""]
    disagreements = find_disagreements(report)
    if not disagreements:
        return [*lines, "Nowhere: what could be observed is as documented.", ""]
    for heading, rows in disagreements.items():
        lines += [f"### {heading}", ""]
        lines += [f"- `{row['id']}`: {_word(row['verdict'])}: {escape_markdown(row['reason'])}" for row in rows]
        lines.append("")
    return lines


def _page_section(section: PageSection, boxes: Sequence[Box], report: Mapping[str, Any]) -> list[str]:
    """Return a section as it stands on the page: groups under its headings, boxes nested and worded as there."""
    rows = {row["id"]: row for row in report["rows"]}
    known = [box for box in boxes if box.row in rows]
    depths = measure_depths([rows[box.row] for box in known])
    lines = [f"### {section.heading}", ""]
    for kind in dict.fromkeys(box.row.split("/")[1] for box in known):
        lines += [f"#### {KIND_HEADINGS.get(kind, _word(kind))}", ""]
        for box in known:
            if box.row.split("/")[1] == kind:
                row = rows[box.row]
                mark = "" if box.note else f"[{'x' if Verdict(row['verdict']).is_positive else ' '}] "
                indent = "" if box.note else "  " * depths[box.row]
                lines.append(f"{indent}- {mark}{box.wording} — {_finding(row)}")
        lines.append("")
    return lines


def _finding(row: Row) -> str:
    """Return the verdict of a row, whether the documentation is wrong there, and why it is not supported."""
    evidence = f" ({row['evidence']})" if row["evidence"] in ("parsed", "echoed") else ""
    wrong = "" if row["agrees"] is not False else " **claimed**" if row["claim"] else " **not claimed**"
    reason = "" if row["verdict"] == Verdict.SUPPORTED else f": {escape_markdown(row['reason'])}"
    return f"{_word(row['verdict'])}{evidence}{wrong}{reason}"


def _section(section: Section, depths: Mapping[str, int], mark: str) -> list[str]:
    """Return a section of the checklist. `mark`: of its heading; those below have one `#` more each."""
    heading = section.heading
    lines = [f"{mark} {heading.capitalize()}" if not heading.startswith("/") else f"{mark} `{heading}`", ""]
    for group in section.groups:
        if len(section.groups) > 1 or group.kind in KIND_HEADINGS:
            lines += [f"{mark}# {group.heading}", ""]
        for level in split_levels(tuple(group)):
            lines += [f"{mark}## {level.heading}", ""] if level.heading else []
            lines += [*_boxes(level.rows, depths), ""]
    return lines


def _uncounted(section: Section, mark: str) -> list[str]:
    """Return a section in short: a line per resource, with reasons only where a verdict does not say all."""
    lines = [f"{mark} {section.heading.capitalize()}", "", UNCOUNTED_NOTE, ""]
    for resource, rows in group_by_resource(section.rows).items():
        told = []
        for verdict in Verdict:
            of_verdict = [row for row in rows if row["verdict"] == verdict]
            reasons = {row["reason"] for row in of_verdict} if verdict in _EXPLAINED else set()
            names = ", ".join(row["id"].rpartition("/")[2] for row in of_verdict)
            why = f" ({escape_markdown('; '.join(sorted(reasons)))})" if reasons else ""
            told += [f"{_word(verdict)}: {escape_markdown(names)}{why}"] if of_verdict else []
        lines.append(f"- `{resource}` — {'; '.join(told)}")
    return [*lines, ""]


def _boxes(rows: Iterable[Row], depths: Mapping[str, int]) -> Iterator[str]:
    for row in rows:
        mark = "x" if Verdict(row["verdict"]).is_positive else " "
        yield f"{'  ' * depths[row['id']]}- [{mark}] {_format_name(row, depths)} — {_finding(row)}"


def _format_name(row: Row, listed: Container[str]) -> str:
    """Return the name of a row: its title, behind the path of what it is a part of where that is not listed above."""
    title = format_title(row)
    shown = title if "`" in title else escape_markdown(title)
    path = row["id"].split("/")
    if len(path) < 4 or path[0] == "errors" or "/".join(path[:-1]) in listed:
        return shown
    return f"`{'/'.join(path[2:-1])}`, {shown}"
