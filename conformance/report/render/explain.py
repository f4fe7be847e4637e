"""One row explained: what it means, how it is probed, what was found, and the curl that shows it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conformance.checklist.claims import documented_boxes
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Verdict
from conformance.probes.clauses import clause_url
from conformance.report.html.evidence import Entry, list_entries
from conformance.report.html.rule_evidence import BREAKS, read_rules
from conformance.report.probing import describe_probe
from conformance.report.text import escape_invisible
from conformance.report.wrapping import align_rows, cut_line, wrap_line
from conformance.wire.exchange import Exchange

from .answers import format_result, summarize_answer

MAX_SHOWN_EXCHANGES = 8
"""Exchanges that are printed of one row."""
MAX_SHOWN_RULE_ANSWERS = 3
"""Answers that are printed of a rule that many break."""
_MAX_CURL_CHARACTERS = 6000
_MAX_PLACES = 4


def explain_row(
    row: Row,
    report: Mapping[str, Any] | None,
    exchanges: Mapping[str, Exchange],
    *,
    parts: Sequence[str] = (),
    others: Mapping[str, str] | None = None,
    width: int = 100,
) -> list[str]:
    """Return the lines that `openai-conformance explain ROW` prints, at most `width` columns wide but for commands.

    `parts`: the rows that a derived row follows from. `others`: the row's verdicts in other reports, by their names.
    """
    lines = [row.id, f"  {row.heading}", "", *wrap_line(row.description, width), ""]
    lines += [f"clause: {clause_url(row)}", f"severity: {row.severity}; needs: a model for {row.capability}"]
    lines += [line for told in describe_probe(row) for line in wrap_line(told, width, hanging="  ")]
    lines.append("")
    found = find_row(report, row.id)
    if report is not None and found is not None:
        lines += _format_finding(report, found, width)
    elif report is not None:
        made = report["suite"]["version"]
        lines += [*wrap_line(f"The report does not know this row: it was made by version {cut_line(made)}.", width)]
    else:
        lines.append("There is no report yet; make one with: openai-conformance run")
    if others:
        lines += wrap_line(f"other reports: {_format_others(others)}", width, hanging="  ")
    if report is None or found is None:
        return lines
    if parts:
        return [*lines, "", *_format_parts(report, parts, width)]
    return [*lines, "", *_format_exchanges(report, found, exchanges, width)]


def _format_others(others: Mapping[str, str]) -> str:
    """Return the verdicts of other reports, each word once, with the reports that have it."""
    named = {verdict: [name for name, word in others.items() if word == verdict] for verdict in Verdict}
    return "; ".join(
        f"{str(verdict).replace('_', ' ')} in {', '.join(names)}" for verdict, names in named.items() if names
    )


def describe_rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return rows as `openai-conformance list --json` prints them."""
    documented = documented_boxes()
    return [
        {
            "id": row.id,
            "title": row.heading,
            "endpoint": row.endpoint,
            "kind": row.kind,
            "severity": str(row.severity),
            "capability": row.capability,
            "documented": row.id in documented,
            "clause": clause_url(row),
        }
        for row in rows
    ]


def find_row(report: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    """Return what a report says of a row; None where there is no report, or it does not know the row."""
    rows: Sequence[Mapping[str, Any]] = report["rows"] if report else ()
    return next((entry for entry in rows if entry["id"] == name), None)


def _format_finding(report: Mapping[str, Any], found: Mapping[str, Any], width: int) -> list[str]:
    target = report["target"]
    server = cut_line(f"{target['kind']} {target['version'] or ''}".strip(), 60)
    verdict = found["verdict"].replace("_", " ").upper()
    said = f"{server}, {report['started'][:10]}: {verdict}: {cut_line(found['reason'], 400)}"
    claim = {True: "claims it", False: "does not claim it", None: "says nothing of it"}[found["claim"]]
    about = [f"evidence: {found['evidence']}"] if Verdict(found["verdict"]).is_positive else []
    about += [f"the documentation {claim}"] if report["claims"] else []
    about += [f"model: {cut_line(found['model'], 80)}"] if found["model"] else []
    return [
        *wrap_line(said, width, hanging="  "),
        *(wrap_line("; ".join(about), width, hanging="  ") if about else []),
    ]


def _format_parts(report: Mapping[str, Any], parts: Sequence[str], width: int) -> list[str]:
    """Return the rows that a derived row follows from; each has its own requests, which are not repeated here."""
    known = [entry for name in parts if (entry := find_row(report, name)) is not None]
    rows = "this row; explain it" if len(known) == 1 else f"{len(known)} rows; explain one of them"
    lines = [f"It follows from {rows} for its requests:"]
    return lines + align_rows([(each["id"], each["verdict"], cut_line(each["reason"])) for each in known], width)


def _format_exchanges(
    report: Mapping[str, Any], found: Mapping[str, Any], exchanges: Mapping[str, Exchange], width: int
) -> list[str]:
    entries, held = read_evidence(found, exchanges)
    if not entries:
        return ["No single request decides it."] if not found["exchanges"] else []
    base = find_base_url(report, [entry.diff.treatment for entry in entries])
    lines = [f"export OPENAI_BASE_URL={shlex.quote(escape_invisible(base))}  # the server that was asked", ""]
    if held:
        lines += [f"The rule held in {held} answers; one of them:", ""]
    limit = MAX_SHOWN_RULE_ANSWERS if entries[0].part == BREAKS else MAX_SHOWN_EXCHANGES
    for number, entry in enumerate(entries[:limit], 1):
        lines += _format_entry(number, entry, base, width)
    if len(entries) > limit:
        lines.append(f"and {len(entries) - limit} more, on the report's page and in its exchanges.jsonl")
    return lines


def read_evidence(found: Mapping[str, Any], exchanges: Mapping[str, Exchange]) -> tuple[Sequence[Entry], int]:
    """Return the exchanges that a row rests on, and in how many answers it held, where it is a rule that did."""
    rules = read_rules([found], exchanges)
    if found["id"] in rules:
        return rules[found["id"]].entries, rules[found["id"]].held
    return list_entries(found, [exchanges[name] for name in found["exchanges"] if name in exchanges]), 0


def _format_entry(number: int, entry: Entry, base: str, width: int) -> list[str]:
    exchange = entry.diff.treatment
    lines = wrap_line(f"{number}. {cut_line(entry.label, 300)}", width, hanging="   ")
    command = escape_invisible(format_curl(exchange, base))
    if len(command) > _MAX_CURL_CHARACTERS:
        lines.append(f"   (a request of {len(command):,} characters: {exchange.id} in exchanges.jsonl)")
    else:
        lines.append(f"   {command}")
    lines.append(f"   -> {format_result(exchange)}")
    told = summarize_answer(exchange)
    if entry.places:
        told.append(f"at fault: {', '.join('.'.join(place) for place in entry.places[:_MAX_PLACES])}")
    for line in told:
        lines += wrap_line(line, width, indent="      ", hanging="        ")
    return [*lines, ""]


def find_base_url(report: Mapping[str, Any], exchanges: Sequence[Exchange]) -> str:
    """Return the base URL that requests went to: that of the target, or of the embedding model's own server."""
    target = report["target"]
    bases = [target["base_url"], *(model.get("base_url") for model in target["models"].values())]
    known = [base for base in bases if isinstance(base, str)]
    asked = [exchange.url for exchange in exchanges]
    return next(
        (base for base in known if any(url.startswith(f"{base}/") for url in asked)), known[0] if known else ""
    )


def format_curl(exchange: Exchange, base_url: str = "") -> str:
    """Return the command that sends the request again; the key is a variable, never the key.

    A header that the row itself puts there, such as a key that nobody gave out, is written out: it is the point.
    `base_url`: what stands in the command as `$OPENAI_BASE_URL`; empty for the addresses as they were.
    """
    parts = ["curl", "-sN"] if exchange.call.streams else ["curl", "-s"]
    if exchange.call.method != "POST":
        parts += ["-X", exchange.call.method]
    parts.append(_format_address(exchange.url, base_url))
    if exchange.sent and not any(name == "content-type" for name, _ in exchange.call.headers):
        parts += ["-H", shlex.quote("content-type: application/json")]
    own = dict(exchange.call.headers)
    authorization = any(name == "authorization" for name, _ in exchange.sent_headers) and "authorization" not in own
    tail = ' -H "authorization: Bearer $OPENAI_API_KEY"' if authorization else ""
    tail += "".join(f" -H {shlex.quote(f'{name}: {value}')}" for name, value in own.items())
    body = f" -d {shlex.quote(_compact(exchange.sent))}" if exchange.sent else ""
    return " ".join(parts) + tail + body


def _format_address(url: str, base_url: str) -> str:
    """Return an address for a shell, its beginning as `$OPENAI_BASE_URL` where it lies below that."""
    base = base_url.rstrip("/")
    places = {base: '"$OPENAI_BASE_URL"', base.removesuffix("/v1"): '"${OPENAI_BASE_URL%/v1}"'} if base else {}
    for start, variable in places.items():
        if url.startswith(f"{start}/"):
            return f"{variable}{shlex.quote(url[len(start) :])}"
    return shlex.quote(url)


def _compact(sent: str) -> str:
    try:
        return json.dumps(json.loads(sent), separators=(",", ":"))
    except (ValueError, RecursionError):
        return sent
