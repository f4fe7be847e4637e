"""index.html of one report: what is wrong first, then the matrix, each row with its proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Verdict
from conformance.report.headline import is_whole_field, summarize_endpoints
from conformance.report.outline import (
    SECTION_NOTES,
    UNCOUNTED_NOTE,
    Row,
    build_sections,
    find_disagreements,
    format_title,
    list_parts,
    measure_depths,
    separate_unprobed,
)
from conformance.wire.exchange import Exchange

from .document import render_template
from .embed import embed_exchanges
from .evidence import Entry, find_primary, list_entries
from .rule_evidence import read_rules

_MAX_ENTRIES = 60
"""Exchanges listed for one row."""

MAX_PAGE_BYTES = 2_700_000
"""Bytes of a page: its exchanges are cut so that it keeps to them. A whole run of a thousand rows fits uncut: what a
row rests on is worth more than a smaller file."""

_MIN_EXCHANGE_BYTES = 1_200_000
"""Bytes that the exchanges get at least, however many rows there are."""

_PLACE = "[exchanges]"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a row rests on: other rows, or exchanges."""

    parts: tuple[Row, ...] = ()
    """Rows that a derived row follows from; it has no exchanges of its own."""
    entries: tuple[Entry, ...] = ()
    primary: Entry | None = None
    """The one that is opened with the row."""
    held: int = 0
    """Answers in which a rule held, of which the exchange is a sample."""
    asked: int = 0
    """Exchanges of the row; more than its entries where the page does not list all."""

    @property
    def others(self) -> tuple[Entry, ...]:
        """The exchanges beside the one that decided, in the order of the row."""
        return tuple(entry for entry in self.entries if entry is not self.primary)


def render_page(report: Mapping[str, Any], exchanges: Mapping[str, Exchange]) -> str:
    """Return the whole page. The same report and exchanges give the same bytes.

    Raises:
        TypeError, ValueError: an exchange holds what none can hold.
    """
    report = separate_unprobed(report)
    sections = build_sections(report["rows"])
    counted = [row for row in report["rows"] if is_counted(row["id"])]
    proofs = prove_rows(counted, exchanges)
    text = render_template(
        "page.html.j2",
        "page.css",
        ("page.js",),
        report=report,
        name=_format_server(report),
        models=_group_models(report),
        headlines=summarize_endpoints(report),
        sections=[section for section in sections if section.is_counted],
        uncounted=[section for section in sections if not section.is_counted],
        uncounted_note=UNCOUNTED_NOTE,
        notes=SECTION_NOTES,
        depths=measure_depths(report["rows"]),
        severities={row["id"]: row["severity"] for row in report["rows"]},
        disagreements=find_disagreements(report),
        difference=_difference(report),
        proofs=proofs,
        untested=sum(row["verdict"] == Verdict.UNTESTED for row in counted),
        has_exchanges=bool(exchanges),
        format_title=format_title,
        is_whole_field=is_whole_field,
        format_probe=format_probe,
        data=_PLACE,
    )
    used = {each.id for proof in proofs.values() for entry in proof.entries for each in entry.exchanges}
    kept = [exchange for name, exchange in sorted(exchanges.items()) if name in used]
    before, _, after = text.rpartition(_PLACE)  # the last: what a server said stands before it
    return before + embed_exchanges(kept, max(_MIN_EXCHANGE_BYTES, MAX_PAGE_BYTES - len(text.encode()))) + after


def prove_rows(rows: Sequence[Row], exchanges: Mapping[str, Exchange]) -> dict[str, Proof]:
    """Return what each row rests on."""
    by_id = {row["id"]: row for row in rows}
    rules = read_rules(rows, exchanges)
    found = {}
    for row in rows:
        parts = list_parts(row, by_id)
        if parts:
            found[row["id"]] = Proof(parts=tuple(parts))
        elif row["id"] in rules:
            of_rule = rules[row["id"]]
            primary = next(iter(of_rule.entries), None)
            found[row["id"]] = Proof(
                entries=of_rule.entries, primary=primary, held=of_rule.held, asked=len(of_rule.entries)
            )
        else:
            own = [exchanges[name] for name in row["exchanges"][:_MAX_ENTRIES] if name in exchanges]
            entries = list_entries(row, own)
            found[row["id"]] = Proof(entries=entries, primary=find_primary(row, entries), asked=len(row["exchanges"]))
    return found


def format_probe(probed: str) -> str:
    """Return how a row was probed, in short: without what the page says elsewhere, or what only Python means."""
    told = probed.partition("; probability of a false verdict")[0].removeprefix("probed by: ")
    return told.partition("._row.<locals>")[0].partition(".<locals>")[0]


def _format_server(report: Mapping[str, Any]) -> str:
    """Return the server's name and version."""
    target = report["target"]
    return f"{target['kind']} {target['version'] or ''}".rstrip()


def _group_models(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the models, each once, with the capabilities it stood for."""
    found: dict[tuple[str, str | None], list[str]] = {}
    for capability, model in report["target"]["models"].items():
        found.setdefault((model["id"], model["digest"]), []).append(capability)
    return [{"id": name, "digest": digest, "names": names} for (name, digest), names in found.items()]


def _difference(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what differs from the baseline, where the report holds it: `Difference.record()`."""
    found = (report["baseline"] or {}).get("difference")
    return found if isinstance(found, dict) else {}
