"""The rows of a report in the documentation's order and nesting, as headings and groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.checklist.verdicts import Verdict
from conformance.probes.endpoints import HEADINGS

Row = Mapping[str, Any]

KIND_HEADINGS = {
    "features": "Supported features",
    "fields": "Supported request fields",
    "notes": "Notes",
    "response": "Answers",
    "stream": "Streams",
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows under one heading. `undocumented` are those whose top row the documentation does not name."""

    heading: str
    rows: tuple[Row, ...]
    undocumented: tuple[Row, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        """All rows, in order."""
        return iter((*self.rows, *self.undocumented))


@dataclass(frozen=True, kw_only=True)
class Section:
    """One endpoint."""

    endpoint: str
    heading: str
    groups: tuple[Group, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in order."""
        return tuple(row for group in self.groups for row in group)

    @property
    def counts(self) -> dict[str, int]:
        """Rows per verdict, every verdict named."""
        return {str(verdict): sum(row["verdict"] == verdict for row in self.rows) for verdict in Verdict}


def sections(rows: Sequence[Row]) -> list[Section]:
    """The endpoints in the documentation's order; those it does not know come last."""
    endpoints = dict.fromkeys([*HEADINGS, *(row["id"].split("/")[0] for row in rows)])
    made = []
    for endpoint in endpoints:
        own = [row for row in rows if row["id"].split("/")[0] == endpoint]
        if own:
            heading = HEADINGS.get(endpoint, endpoint)
            made.append(Section(endpoint=endpoint, heading=heading, groups=tuple(_groups(own))))
    return made


def _groups(rows: Sequence[Row]) -> Iterator[Group]:
    for kind in dict.fromkeys(row["id"].split("/")[1] for row in rows):
        of_kind = [row for row in rows if row["id"].split("/")[1] == kind]
        heading = KIND_HEADINGS.get(kind, kind.replace("_", " "))
        tops = {top(row) for row in of_kind if row["claim"] is not None}
        theirs = tuple(row for row in of_kind if not tops or top(row) in tops)
        others = tuple(row for row in of_kind if tops and top(row) not in tops)
        yield Group(heading=heading, rows=theirs, undocumented=others)


def top(row: Row) -> str:
    """Id of the row without parts that this one is a part of, or its own."""
    return "/".join(row["id"].split("/")[:3])


def depth(row: Row) -> int:
    """How deep the row is nested, 0 for a top one."""
    return max(0, len(row["id"].split("/")) - 3)
