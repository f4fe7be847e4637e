"""A row as a bug report in Markdown, for the server's tracker: for people who do not know this suite.

What a server sent stands in fenced blocks and in code alone: there it mentions nobody, links to nothing, and is no
markup.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance import __version__
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Verdict
from conformance.errors import UsageError
from conformance.judge.derive import expand_parts
from conformance.probes.clauses import clause_url
from conformance.probes.endpoints import HEADINGS
from conformance.report.html.evidence import find_primary
from conformance.report.html.pairs import find_changes
from conformance.report.text import clip, fence, format_code
from conformance.wire.exchange import Exchange

from .answers import format_result, summarize_answer
from .explain import find_base_url, find_row, format_curl, read_evidence

_TITLES = {
    Verdict.PARTIAL: "works only in part",
    Verdict.REJECTED: "is refused",
    Verdict.IGNORED: "is accepted and has no effect",
    Verdict.BROKEN: "fails",
}
_HAPPENS = {
    Verdict.PARTIAL: "It works in some of its documented forms, and not in all.",
    Verdict.REJECTED: "The server refuses the request with a 4xx status.",
    Verdict.IGNORED: "The server accepts the request, and its answer shows no effect: a client does not notice.",
    Verdict.BROKEN: "The request fails, or its answer breaks a rule that clients rely on.",
}
_ERROR_TITLES = {
    Verdict.PARTIAL: "is refused with other details than documented",
    Verdict.REJECTED: "is refused with another status",
    Verdict.IGNORED: "is accepted",
    Verdict.BROKEN: "is answered wrongly",
}
_ERROR_HAPPENS = {
    Verdict.PARTIAL: "The server refuses the bad request, and its error differs from the documented one.",
    Verdict.REJECTED: "The server refuses the bad request in another way than documented.",
    Verdict.IGNORED: "The server accepts a request that the API refuses: a client does not notice its mistake.",
    Verdict.BROKEN: "The server's answer to the bad request is none that clients can handle.",
}
"""The same of rows about errors, whose request is a bad one."""

_MAX_ANSWER_CHARACTERS = 1500
_MAX_REQUEST_CHARACTERS = 6000


@dataclass(frozen=True, kw_only=True)
class _Case:
    """The row whose requests show the fault, and what a report holds of it."""

    row: Row
    found: Mapping[str, Any]


def format_issue(
    row: Row, report: Mapping[str, Any], exchanges: Mapping[str, Exchange], rows: Mapping[str, Row]
) -> list[str]:
    """Return the lines that `openai-conformance explain ROW --issue` prints. `rows`: the whole checklist.

    Raises:
        UsageError: the row is supported, or the report does not show that it is not.
    """
    found = find_row(report, row.id)
    if found is None:
        raise UsageError(f"there is nothing to report of {row.id}: the report does not know this row")
    verdict = Verdict(found["verdict"])
    if verdict is Verdict.SUPPORTED:
        raise UsageError(f"there is nothing to report of {row.id}: it is supported")
    if verdict.rank is None:
        words = str(verdict).replace("_", " ")
        raise UsageError(f"there is nothing to report of {row.id}: it is {words}, which says nothing of the server")
    shown = _find_case(_Case(row=row, found=found), report, rows)
    titles, happens = (_ERROR_TITLES, _ERROR_HAPPENS) if _is_bad_request(row) else (_TITLES, _HAPPENS)
    what = "break a rule" if row.rule else titles[verdict]
    lines = [f"# {_format_subject(row)} {what}", "", "## What is expected", ""]
    lines += [row.description.replace("<", "&lt;"), "", f"The clause: {clause_url(row)}", "", "## What happens", ""]
    said = "Answers were seen that break this rule." if row.rule else happens[verdict]
    lines += [said, "", fence(clip(found["reason"], 600), "text"), ""]
    if shown.row is not row:
        about = f"Shown here with one part of it, `{shown.row.id}` ({shown.found['verdict']}):"
        lines += [about, "", fence(clip(shown.found["reason"], 600), "text"), ""]
    lines += _format_requests(shown, report, exchanges)
    return [*lines, *_format_versions(report, found)]


def _is_bad_request(row: Row) -> bool:
    return row.endpoint == "errors" and row.kind in HEADINGS


def _format_subject(row: Row) -> str:
    """Return what the title says of whom: a field and the request that it belongs to."""
    place = HEADINGS.get(row.kind if row.endpoint == "errors" else row.endpoint, row.endpoint)
    where = f"`{place}`" if place.startswith("/") else place
    if row.rule:
        return f"{where}: {row.heading}: {'streams' if row.kind == 'stream' else 'answers'}"
    if _is_bad_request(row):
        fault = {
            "missing": "without `{}`",
            "wrong_type": "with `{}` of a wrong type",
            "out_of_range": "with `{}` out of range",
        }
        words = fault.get(row.path[0], f"({row.heading})").format(row.path[-1])
        return f"{where}: a request {words}"
    return f"{where}: `{'/'.join(row.path)}`" if row.kind == "fields" else f"{where}: {row.heading}"


def _find_case(case: _Case, report: Mapping[str, Any], rows: Mapping[str, Row]) -> _Case:
    """Return the row that shows the fault: the row itself, or the worst of those that it follows from."""
    parts = [
        _Case(row=rows[name], found=found)
        for name in expand_parts(case.row, rows)
        if name in rows and (found := find_row(report, name)) is not None
    ]
    ranks = [Verdict(part.found["verdict"]).rank or 0 for part in parts]
    if not any(ranks):
        return case
    return _find_case(parts[ranks.index(max(ranks))], report, rows)


def _format_requests(case: _Case, report: Mapping[str, Any], exchanges: Mapping[str, Exchange]) -> list[str]:
    entries, _ = read_evidence(case.found, exchanges)
    entry = entries[0] if entries and case.row.rule else find_primary(case.found, entries)
    if entry is None:
        return ["No single request shows it: it was seen in the answers of a whole run.", ""]
    treatment = entry.diff.treatment
    control = _find_control(case.row, treatment, [each.diff.treatment for each in entries]) or entry.diff.control
    base = find_base_url(report, [treatment])
    lines = ["## How to repeat it", "", fence(f"export OPENAI_BASE_URL={shlex.quote(base)}", "sh"), ""]
    if control is not None:
        lines += ["A request to compare with:", "", *_format_request(control, base)]
        lines += ["The request that shows the fault:", ""]
    return [*lines, *_format_request(treatment, base)]


def _find_control(row: Row, treatment: Exchange, exchanges: Sequence[Exchange]) -> Exchange | None:
    """Return the request without the row's field that is nearest to the one with it; None where there is none."""
    field, path = row.path[0], treatment.call.path
    if row.kind != "fields" or field not in treatment.call.body:
        return None
    without = [each for each in exchanges if each.call.path == path and field not in each.call.body]
    return min(without, key=lambda each: len(find_changes(each, treatment)), default=None)


def _format_request(exchange: Exchange, base: str) -> list[str]:
    command = format_curl(exchange, base)
    if len(command) > _MAX_REQUEST_CHARACTERS:
        command = f"# a request of {len(command):,} characters, which begins:\n# {command[:300]}"
    answer = [f"# {format_result(exchange)}", *summarize_answer(exchange)]
    text = exchange.text if len(exchange.text) <= _MAX_ANSWER_CHARACTERS else ""
    raw = ["Its answer:", "", fence(text.strip(), "json"), ""] if text and exchange.json is not None else []
    decides = [] if raw else ["What matters of its answer:", "", fence("\n".join(answer), "text"), ""]
    return [fence(command, "sh"), "", *raw, *decides]


def _format_versions(report: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    target, suite = report["target"], report["suite"]
    server = format_code(f"{target['kind']} {target['version'] or '(unknown version)'}")
    model = format_code(str(found["model"])) if found["model"] else "none"
    made = format_code(f"openai-conformance {suite['version']}")
    printed = "" if suite["version"] == __version__ else f", printed by version {__version__}"
    return [
        "## Versions",
        "",
        f"- Server: {server}",
        f"- Model: {model}",
        f"- Measured on {format_code(report['started'][:10])} by {made} through {format_code(suite['sdk'])}{printed}",
    ]
