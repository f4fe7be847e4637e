"""The report as data: findings, claims and expectations joined on the row id."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.checklist.claims import Claims, claims_of
from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row, is_counted
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.schema import extensions
from conformance.judge.schema_faults import read_documents, select_schema
from conformance.probes.clauses import clause_url
from conformance.probes.response_views import as_int64, get_path
from conformance.report.probing import NOT_PROBED, describe_probe
from conformance.wire.exchange import Exchange

from .baseline import Baseline
from .compare import compare
from .files import FORMAT

NOT_SELECTED = "not selected in this run"
OTHER_SHARD = "asked by another shard"
AT_MERGE = "judged when the shards are merged"
OWN_ERROR = "our own error"
"""Reasons of untested rows; the last is followed by the error."""
OWN_ERROR_NOTE = "an error of our own, so there is no verdict"


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run found and what it cost."""

    target: Mapping[str, Any]
    """As `report.json` holds it."""
    findings: Mapping[str, Finding]
    exchanges: Sequence[Exchange]
    started: float
    seconds: float
    gone: str
    models: Mapping[str, str]
    stopped: str = ""
    """What ended the asking early though the server was there; empty where nothing did."""
    crashed: Mapping[str, str] = field(default_factory=dict)
    """Row -> the error of our own that kept it from a verdict."""
    between: int = 0
    """Requests beside the exchanges, sent to reset the server's cache."""
    shard: Mapping[str, Any] | None = None
    """Which part of the rows was asked, as `Shard.record` has it; None for a whole run."""

    @property
    def ended(self) -> str:
        """Why the run ended early; empty where it did not."""
        return self.gone or self.stopped


def build_report(measured: RunResult, baseline: Baseline | None) -> dict[str, Any]:
    """Return the report of a run, as `schemas/report.json` describes it."""
    target = measured.target
    claims = claims_of(target["kind"], target["version"])
    by_id = {exchange.id: exchange for exchange in measured.exchanges}
    rows = [_row(row, measured, claims, by_id) for row in load_catalog().values()]
    complete = not measured.ended and not any(map(_is_missing, rows))
    report: dict[str, Any] = {
        "format": FORMAT,
        "complete": complete,
        "suite": {
            "version": __version__,
            "commit": _commit(),
            "sdk": f"openai {version('openai')}",
            "python": platform.python_version(),
        },
        "target": dict(target),
        "claims": None if claims is None else {"source": claims.source, "release": claims.release},
        "baseline": None if baseline is None else {"source": baseline.source, "version": baseline.version},
        "started": datetime.fromtimestamp(measured.started, UTC).isoformat(timespec="seconds"),
        "seconds": round(measured.seconds, 1),
        "requests": len(measured.exchanges) + measured.between,
        "prompt_tokens": _tokens(measured.exchanges, "prompt_tokens"),
        "completion_tokens": _tokens(measured.exchanges, "completion_tokens"),
        "waited": round(sum(exchange.retry_wait_seconds for exchange in measured.exchanges), 1),
        "counts": dict(Counter(row["verdict"] for row in rows if is_counted(row["id"]))),
        "extensions": _extensions(measured.exchanges),
        **({"shard": {**measured.shard, "ended": measured.ended}} if measured.shard else {}),
        "notes": _notes(measured),
        "rows": rows,
    }
    if baseline is not None:
        report["baseline"]["difference"] = compare(baseline.report, report).to_record()
    return report


def _is_missing(row: Mapping[str, Any]) -> bool:
    """Whether a report without a verdict of the row is a part of one. Uncounted rows may be left out on purpose."""
    return row["verdict"] == Verdict.UNTESTED and (is_counted(row["id"]) or row["reason"] != NOT_SELECTED)


def _commit() -> str | None:
    """Return the commit of the checkout that the suite runs from; None for an installed one."""
    head = Path(__file__).parents[2] / ".git" / "HEAD"
    try:
        text = head.read_text(encoding="utf-8").strip()
        if text.startswith("ref: "):
            text = (head.parent / text.removeprefix("ref: ")).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return text or None


def _notes(measured: RunResult) -> list[str]:
    notes = [f"the run ended early: {measured.gone}"] if measured.gone else []
    notes += [measured.stopped] if measured.stopped else []
    if measured.crashed:
        notes.append(f"{OWN_ERROR_NOTE}: {', '.join(sorted(measured.crashed))}")
    notes += _shared_causes(measured)
    notes += measured.target.get("notes", ())
    waited = [exchange for exchange in measured.exchanges if exchange.retry_wait_seconds]
    if waited:
        seconds = sum(exchange.retry_wait_seconds for exchange in waited)
        notes.append(f"the server said that it was busy: {len(waited)} requests waited {seconds:.0f} s in all")
    return notes


MIN_SHARED_CAUSE = 8
"""Rows from which on a cause that they share is told once, at the top."""


def _shared_causes(measured: RunResult) -> list[str]:
    """Return what many rows fail for, the commonest first."""
    failing = (Verdict.BROKEN, Verdict.REJECTED, Verdict.INCONCLUSIVE)
    counts = Counter(
        (str(finding.verdict), finding.reason)
        for row, finding in measured.findings.items()
        if finding.verdict in failing and is_counted(row)
    )
    shared = [(cause, count) for cause, count in counts.most_common() if count >= MIN_SHARED_CAUSE]
    return [f"{count} rows are {verdict} for one cause: {reason}" for (verdict, reason), count in shared]


def _row(row: Row, measured: RunResult, claims: Claims | None, by_id: Mapping[str, Exchange]) -> dict[str, Any]:
    finding = measured.findings.get(row.id) or _without_finding(row, measured)
    box = claims.box(row.id) if claims else None
    claim = box.claimed if box else None
    exchanges = [name for name in finding.exchanges if name in by_id]
    return {
        "id": row.id,
        "endpoint": row.endpoint,
        "kind": row.kind,
        "title": box.wording if box else row.heading,
        "about": row.description,
        "clause": clause_url(row),
        "verdict": str(finding.verdict),
        "evidence": str(finding.evidence),
        "severity": str(row.severity),
        "reason": finding.reason,
        "probed": "; ".join(describe_probe(row)),
        "chance": row.false_verdict_probability,
        "claim": claim,
        "order": box.order if box else None,
        "note": bool(box and box.note),
        "agrees": agrees(claim, finding.verdict),
        "model": finding.model,
        "exchanges": exchanges,
        "requests": len(exchanges),
        "seconds": round(finding.seconds, 3),
    }


def _without_finding(row: Row, measured: RunResult) -> Finding:
    if not (row.probe or row.rule or row.derived_from):
        return Finding(row=row.id, verdict=Verdict.NOT_APPLICABLE, reason=NOT_PROBED)
    reason = measured.ended or NOT_SELECTED
    if measured.shard and row.id in measured.shard["selected"]:
        reason = measured.ended or (OTHER_SHARD if row.probe else AT_MERGE)
    if row.id in measured.crashed:
        reason = f"{OWN_ERROR}: {measured.crashed[row.id]}"
    return Finding(row=row.id, verdict=Verdict.UNTESTED, reason=reason, evidence=Evidence.NONE)


def agrees(claim: bool | None, verdict: Verdict) -> bool | None:
    """Return whether what was observed is what the documentation says; None where either says nothing."""
    if claim is None or verdict.rank is None:
        return None
    return claim == verdict.is_positive


def _tokens(exchanges: Sequence[Exchange], name: str) -> int:
    """Tokens as the server counts them. A stream without usage counts its chunks with content."""
    total = 0
    for exchange in exchanges:
        documents = read_documents(exchange) if exchange.accepted else []
        counts = [count for body in documents for count in _counts(body, name)]
        if counts:
            total += max(0, counts[-1])
        elif name == "completion_tokens" and exchange.call.streams:
            total += sum(1 for body in documents if _has_content(body))
    return total


RESPONSE_COUNTS = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
"""Name of a count -> what `/responses` calls it."""


def _counts(body: object, name: str) -> list[int]:
    """Return the counts of a name in a document, or in the response that an event holds."""
    usages = (get_path(body, "usage"), get_path(body, "response", "usage"))
    found = (as_int64(get_path(usage, key)) for usage in usages for key in (name, RESPONSE_COUNTS[name]))
    return [count for count in found if count is not None]


def _has_content(body: object) -> bool:
    choice = get_path(body, "choices", 0)
    return bool(get_path(choice, "delta", "content") or get_path(choice, "text"))


def _extensions(exchanges: Sequence[Exchange]) -> dict[str, list[str]]:
    """Return, by schema, the members of accepted answers that it does not know. They are allowed, and listed."""
    found: dict[str, set[str]] = {}
    for exchange in exchanges:
        schema = select_schema(exchange)
        if schema is not None and exchange.accepted:
            for body in read_documents(exchange)[:3]:
                found.setdefault(schema, set()).update(path[:80] for path in extensions(schema, body)[:50])
    return {schema: sorted(paths)[:50] for schema, paths in sorted(found.items()) if paths}
