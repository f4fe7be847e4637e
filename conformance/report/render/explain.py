"""One row explained: what it means, how it is probed, what was found, and the curl that shows it."""

from __future__ import annotations

import inspect
import json
import shlex
from collections.abc import Mapping
from typing import Any

from conformance.checklist.rows import Row
from conformance.probes.clauses import clause_url
from conformance.report.text import clean_line
from conformance.wire.exchange import Exchange

NOT_PROBED = "not probed yet"
"""Said of a row of the checklist that the suite has no experiment for."""


def explain_row(row: Row, report: Mapping[str, Any] | None, exchanges: Mapping[str, Exchange]) -> list[str]:
    """Return the lines that `openai-conformance explain ROW` prints."""
    lines = [row.id, f"  {row.heading}", "", row.description, "", f"clause: {clause_url(row)}"]
    lines += [f"severity: {row.severity}; needs: a model for {row.capability}", *describe_probe(row), ""]
    found = next((entry for entry in report["rows"] if entry["id"] == row.id), None) if report else None
    if report is None or found is None:
        return [*lines, "No report knows this row yet; make one with: openai-conformance run"]
    target = report["target"]
    lines.append(f"{target['kind']} {target['version'] or ''} ({report['started']}): {found['verdict'].upper()}")
    lines.append(f"  {clean_line(found['reason'])}")
    claim = {True: "claimed", False: "not claimed", None: "nothing said"}[found["claim"]]
    lines += [f"  evidence: {found['evidence']}; documentation: {claim}; model: {found['model']}", ""]
    for name in found["exchanges"]:
        if name in exchanges:
            lines += format_exchange(exchanges[name])
    return lines


def describe_probe(row: Row) -> list[str]:
    """Return how the row is answered: by which experiment, rule or parts."""
    if row.derived_from:
        return [f"follows from: {', '.join(row.derived_from)}"]
    if row.probe is None:
        return ["a rule over all answers of a run" if row.rule else NOT_PROBED]
    function = inspect.unwrap(row.probe)
    where = f"{function.__module__}.{function.__qualname__}"
    return [f"probed by: {where}", f"probability of a false verdict: {row.false_verdict_probability}"]


def format_exchange(exchange: Exchange) -> list[str]:
    """Return an exchange as a curl command and the beginning of its response."""
    status = exchange.failure or exchange.status
    answer = clean_line(" ".join(exchange.text[:600].split()))
    return [
        f"{exchange.id}: {status} in {exchange.seconds:.2f} s",
        f"  {format_curl(exchange)}",
        f"  -> {answer}",
        "",
    ]


def format_curl(exchange: Exchange) -> str:
    """Return the command that sends the request again; the key is a variable, never the key.

    A header that the row itself puts there, such as a key that nobody gave out, is written out: it is the point.
    """
    parts = ["curl", "-sN"] if exchange.call.streams else ["curl", "-s"]
    if exchange.call.method != "POST":
        parts += ["-X", exchange.call.method]
    parts.append(shlex.quote(exchange.url))
    if exchange.sent and not any(name == "content-type" for name, _ in exchange.call.headers):
        parts += ["-H", shlex.quote("content-type: application/json")]
    own = dict(exchange.call.headers)
    authorization = any(name == "authorization" for name, _ in exchange.sent_headers) and "authorization" not in own
    tail = ' -H "authorization: Bearer $OPENAI_API_KEY"' if authorization else ""
    tail += "".join(f" -H {shlex.quote(f'{name}: {value}')}" for name, value in own.items())
    body = f" -d {shlex.quote(_compact(exchange.sent))}" if exchange.sent else ""
    return " ".join(parts) + tail + body


def _compact(sent: str) -> str:
    try:
        return json.dumps(json.loads(sent), separators=(",", ":"))
    except (ValueError, RecursionError):
        return sent
