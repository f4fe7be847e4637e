"""Several reports as one table: a column per report, a row per row of the checklist, and when each changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.checklist.verdicts import Severity, Verdict
from conformance.judge.expectation import Standing, assess_verdict
from conformance.report.outline import (
    Level,
    Row,
    Section,
    build_sections,
    format_title,
    measure_depths,
    separate_unprobed,
)

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
    models: tuple[str, ...]
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
    """`regression`, `improvement`, `lost`, `gained` or `change` against the report before it; else empty."""


WORSE, BETTER, OTHERWISE = "worse", "better", "otherwise"
"""What a change comes to."""

_DIRECTIONS = {"regression": WORSE, "lost": WORSE, "improvement": BETTER, "gained": BETTER, "change": OTHERWISE}


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A change of a row between two reports of one kind of server."""

    kind: str
    """As `Cell.change` has it."""
    words: str
    """`ignored in 0.6.8, partial in 0.24.0`: what was seen, where; not since when."""

    @property
    def direction(self) -> str:
        """Whether it is for the worse."""
        return _DIRECTIONS[self.kind]

    @property
    def said(self) -> str:
        """What it comes to, with an arrow, so that nothing rests on colour alone."""
        return {
            "regression": "▼ worse",
            "lost": "▼ evidence lost",
            "improvement": "▲ better",
            "gained": "▲ evidence gained",
            "change": "◆ otherwise",
        }[self.kind]


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row in all reports."""

    row: Row
    title: str
    cells: tuple[Cell, ...]
    turns: tuple[Turn, ...]
    """Each change, in the order of the reports."""

    @property
    def differs(self) -> bool:
        """Whether the reports that know the row and asked do not all say the same."""
        return len({cell.verdict for cell in self.cells if cell.verdict not in (None, _UNTESTED)}) > 1

    @property
    def is_shared(self) -> bool:
        """Whether every report knows the row."""
        return all(cell.verdict is not None for cell in self.cells)

    @property
    def direction(self) -> str:
        """What its last change comes to; empty where it has none."""
        return self.turns[-1].direction if self.turns else ""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows of a table under one heading."""

    heading: str
    rows: tuple[TableRow, ...]


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

    @property
    def unshared(self) -> int:
        """Number of rows that not every report knows."""
        return sum(not row.is_shared for row in self.rows.values())

    def count_turns(self, direction: str) -> int:
        """Return how many rows became worse, or better, with their last change."""
        return sum(row.direction == direction for row in self.rows.values())

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The rows that became worse, those that `must` be first; those that became better; all others."""
        by_direction = {
            direction: [row for row in self.rows.values() if row.direction == direction]
            for direction in (WORSE, BETTER)
        }
        for rows in by_direction.values():
            rows.sort(key=lambda row: row.row["severity"] != Severity.MUST)
        turned = [
            Block(heading=f"{heading} ({len(by_direction[direction])})", rows=tuple(by_direction[direction]))
            for direction, heading in ((WORSE, "▼ Worse"), (BETTER, "▲ Better"))
            if by_direction[direction]
        ]
        return (*turned, *self._documented_blocks())

    def _documented_blocks(self) -> Iterator[Block]:
        for section in self.sections:
            for group in section.groups:
                for level in (*group.levels, Level(heading="", rows=group.undocumented)):
                    own = [self.rows[row["id"]] for row in level.rows]
                    rows = tuple(row for row in own if row.direction not in (WORSE, BETTER))
                    if rows:
                        name = section.heading if section.heading.startswith("/") else section.heading.capitalize()
                        more = f", {level.heading[0].lower()}{level.heading[1:]}" if level.heading else ""
                        yield Block(heading=f"{name}: {group.heading.lower()}{more}", rows=rows)


def build_columns(reports: Sequence[Report], *, links: Sequence[str] = ()) -> list[Column]:
    """Return the columns of reports, in their order."""
    addresses = [*links, *[""] * (len(reports) - len(links))]
    return [_column(separate_unprobed(report), link) for report, link in zip(reports, addresses, strict=True)]


def _column(report: Report, link: str) -> Column:
    target = report["target"]
    return Column(
        kind=target["kind"],
        version=target["version"] or "",
        started=report["started"],
        complete=report["complete"],
        models=tuple(dict.fromkeys(model["id"] for model in target["models"].values())),
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
    turns: list[Turn] = []
    before: tuple[Column, str] | None = None
    for column in columns:
        found = column.rows.get(row["id"])
        verdict = found["verdict"] if found else None
        change = _change_kind(before[1], verdict) if before and before[0].kind == column.kind else ""
        link = f"{column.link}#{row['id']}" if column.link and found else ""
        cells.append(Cell(verdict=verdict, reason=found["reason"] if found else "", link=link, change=change))
        if change and before:
            turns.append(Turn(kind=change, words=f"{_say(*before)}, {_say(column, verdict)}"))
        if verdict not in (None, _UNTESTED):
            before = (column, verdict)
    return TableRow(row=row, title=format_title(row), cells=tuple(cells), turns=tuple(turns))


def _say(column: Column, verdict: str | None) -> str:
    """Return what was seen where: the version, or the day where the version is not known."""
    return f"{(verdict or '').replace('_', ' ')} in {column.version or column.started[:10]}"


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
