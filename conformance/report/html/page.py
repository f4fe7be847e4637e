"""index.html of one report: what is wrong first, then the matrix, each row with its proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.checklist.rows import is_counted
from conformance.report.outline import (
    UNCOUNTED_NOTE,
    build_sections,
    find_disagreements,
    measure_depths,
)
from conformance.wire.exchange import Exchange

from .document import render_template
from .embed import embed_exchanges
from .pairs import RequestDiff, pair_requests

_MAX_ENTRIES = 60
"""Exchanges listed for one row; derived rows have those of all their parts."""

MAX_PAGE_BYTES = 1_450_000
"""Bytes of a page: its exchanges are cut so that it keeps to them."""

_MIN_EXCHANGE_BYTES = 400_000
"""Bytes that the exchanges get at least, however many rows there are."""

_PLACE = "[exchanges]"
_PROMPTS = (("messages",), ("prompt",), ("input",))


@dataclass(frozen=True, kw_only=True, eq=False)
class ExchangeEntry:
    """One exchange of a row, as its list shows it before it is opened."""

    diff: RequestDiff

    @property
    def result(self) -> str:
        """Status or failure, and how long it took."""
        exchange = self.diff.treatment
        return f"{exchange.failure or exchange.status or 'no answer'} in {exchange.seconds:.2f} s"

    @property
    def changed(self) -> str:
        """The changed paths for the page's script: steps joined by `/`, paths by a newline."""
        return "\n".join("/".join(path) for path in self.diff.changed[:200])


def render_page(report: Mapping[str, Any], exchanges: Mapping[str, Exchange]) -> str:
    """Return the whole page. The same report and exchanges give the same bytes.

    Raises:
        TypeError, ValueError: an exchange holds what none can hold.
    """
    used = {name for row in report["rows"] if is_counted(row["id"]) for name in row["exchanges"]}
    kept = [exchange for name, exchange in sorted(exchanges.items()) if name in used]
    sections = build_sections(report["rows"])
    text = render_template(
        "page.html.j2",
        "page.css",
        ("page.js",),
        report=report,
        name=_format_server(report),
        models=_group_models(report),
        sections=[section for section in sections if section.is_counted],
        uncounted=[section for section in sections if not section.is_counted],
        uncounted_note=UNCOUNTED_NOTE,
        depths=measure_depths(report["rows"]),
        disagreements=find_disagreements(report),
        difference=_difference(report),
        list_entries=lambda row: list_entries(row, exchanges),
        find_primary_exchange=find_primary_exchange,
        data=_PLACE,
    )
    before, _, after = text.rpartition(_PLACE)  # the last: what a server said stands before it
    return before + embed_exchanges(kept, max(_MIN_EXCHANGE_BYTES, MAX_PAGE_BYTES - len(text.encode()))) + after


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


def list_entries(row: Mapping[str, Any], exchanges: Mapping[str, Exchange]) -> Sequence[ExchangeEntry]:
    """Return the exchanges of a row, each beside the one it is compared with."""
    own = [exchanges[name] for name in row["exchanges"][:_MAX_ENTRIES] if name in exchanges]
    return [ExchangeEntry(diff=diff) for diff in pair_requests(own)]


def find_primary_exchange(row: Mapping[str, Any], entries: Sequence[ExchangeEntry]) -> ExchangeEntry | None:
    """Return the exchange that is opened with its row.

    The first that sets the row's own field, else the first that differs in more than its prompt, else the first.
    """
    field = row["id"].split("/")[2:3]
    about = [entry for entry in entries if any(list(path[:1]) == field for path in entry.diff.changed)]
    other = [entry for entry in entries if any(path[:1] not in _PROMPTS for path in entry.diff.changed)]
    return next(iter([*about, *other, *entries]), None)


def _difference(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what differs from the baseline, where the report holds it: `Difference.record()`."""
    found = (report["baseline"] or {}).get("difference")
    return found if isinstance(found, dict) else {}
