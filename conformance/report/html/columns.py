"""Several reports as one table: a column per report, a row per row of the checklist, and when each changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.checklist.verdicts import Verdict
from conformance.judge.expectation import Standing, assess_verdict
from conformance.report.outline import Row, Section, build_sections, measure_depths

Report = Mapping[str, Any]

_UNTESTED = str(Verdict.UNTESTED)
"""The verdict of a row that a run did not ask: it is no change of any other."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One report."""

    kind: str
    version: str
    started: str
    complete: bool
    models: str
    counts: Mapping[str, int]
    rows: Mapping[str, Row]
    link: str
    """Address of the report's page from the table's; empty where it is unknown."""

    @property
    def name(self) -> str:
        """Server and version."""
        return f"{self.kind} {self.version}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one report says of a row."""

    verdict: str | None
    """None where the report does not know the row."""
    reason: str
    link: str
    change: str
    """`regression`, `improvement`, `lost`, `gained` or `new` against the report before it; else empty."""


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row in all reports."""

    row: Row
    cells: tuple[Cell, ...]
    history: tuple[str, ...]
    """Each change, with the version it was first seen in."""

    @property
    def differs(self) -> bool:
        """Whether the reports that asked do not all say the same."""
        return len({cell.verdict for cell in self.cells if cell.verdict != _UNTESTED}) > 1


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows, by section and group of the documentation."""

    sections: tuple[Section, ...]
    rows: Mapping[str, TableRow]
    depths: Mapping[str, int]
    """Row -> how deep it is nested."""

    @property
    def differing(self) -> int:
        """Number of rows in which the reports differ."""
        return sum(row.differs for row in self.rows.values())


def build_columns(reports: Sequence[Report], *, links: Sequence[str] = ()) -> list[Column]:
    """Return the columns of reports, in their order."""
    addresses = [*links, *[""] * (len(reports) - len(links))]
    return [_column(report, link) for report, link in zip(reports, addresses, strict=True)]


def _column(report: Report, link: str) -> Column:
    target = report["target"]
    return Column(
        kind=target["kind"],
        version=target["version"] or "",
        started=report["started"],
        complete=report["complete"],
        models=", ".join(dict.fromkeys(model["id"] for model in target["models"].values())),
        counts=report["counts"],
        rows={row["id"]: row for row in report["rows"]},
        link=link,
    )


def build_table(columns: Sequence[Column], *, wanted: Callable[[Row], bool] = lambda _row: True) -> Table:
    """Return the table of columns: rows in the order of the newest knowledge, that of the report with most rows."""
    longest = max(columns, key=lambda column: len(column.rows))
    known: dict[str, Row] = dict(longest.rows)
    for column in columns:
        known.update({name: row for name, row in column.rows.items() if name not in known})
    rows = [row for row in known.values() if wanted(row)]
    return Table(
        sections=tuple(build_sections(rows)),
        rows={row["id"]: _build_row(row, columns) for row in rows},
        depths=measure_depths(rows),
    )


def _build_row(row: Row, columns: Sequence[Column]) -> TableRow:
    cells: list[Cell] = []
    history: list[str] = []
    before: tuple[Column, str] | None = None
    for column in columns:
        found = column.rows.get(row["id"])
        verdict = found["verdict"] if found else None
        change = _change_kind(before[1], verdict) if before and before[0].kind == column.kind else ""
        link = f"{column.link}#{row['id']}" if column.link and found else ""
        cells.append(Cell(verdict=verdict, reason=found["reason"] if found else "", link=link, change=change))
        if change and before:
            history.append(f"{verdict} since {column.version or column.started[:10]}, was {before[1]}")
        if verdict not in (None, _UNTESTED):
            before = (column, verdict)
    return TableRow(row=row, cells=tuple(cells), history=tuple(history))


_CHANGE_KINDS = {
    Standing.REGRESSED: "regression",
    Standing.IMPROVED: "improvement",
    Standing.EVIDENCE_LOST: "lost",
    Standing.EVIDENCE_GAINED: "gained",
}


def _change_kind(old: str, new: str | None) -> str:
    if new in (None, _UNTESTED) or old == new:
        return ""
    return _CHANGE_KINDS.get(assess_verdict(Verdict(new), Verdict(old)), "change")
