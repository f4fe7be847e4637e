"""The rows of a report in the documentation's order and nesting, for every medium: sections, groups, depths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Verdict
from conformance.probes.endpoints import HEADINGS
from conformance.report.probing import NOT_PROBED

Row = Mapping[str, Any]

KIND_HEADINGS = {
    "features": "Supported features",
    "fields": "Supported request fields",
    "notes": "Notes",
    "response": "Answers",
    "stream": "Streams",
}

LEVEL_HEADINGS = {
    "missing": "A required field is missing",
    "wrong_type": "A value of the wrong type",
    "out_of_range": "A value out of range",
}
"""Part of an id that is no row itself -> what the rows below it have in common."""

SECTION_NOTES = {
    "errors": "Bad requests, each one fault away from a request that is accepted. Supported means that the server "
    "refuses it as OpenAI does: with the right status, and an error that the SDK understands.",
    "clients": "Whether the clients that people use get on with the server: the OpenAI SDK, sync and async, with and "
    "without a key, with and without a slash at the end of the base URL.",
    "native": "What the server's own API, beside the one of OpenAI, changes for users of the latter: models that it "
    "lists, names that it gives them, the context that they get.",
}
"""What the sections are about that belong to no endpoint."""

UNCOUNTED_NOTE = (
    "The rest of what the SDK can ask for, outside the counts: no server has to have it all. Each operation was "
    "asked for in a way that has no effect, by ids that nothing has or without a required member; one that would do "
    "something even so was not asked."
)
"""What is said of a section that is not counted."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """Rows that a part of their ids holds together, though no row has that id: `errors/chat/wrong_type`."""

    heading: str
    """Empty for the rows that belong to no level."""
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows under one heading. `undocumented` are those whose top row the documentation does not name."""

    kind: str
    """Second part of the ids."""
    rows: tuple[Row, ...]
    undocumented: tuple[Row, ...] = ()

    @property
    def heading(self) -> str:
        """Heading of the group, as the documentation has it where it has one."""
        return KIND_HEADINGS.get(self.kind, self.kind.replace("_", " "))

    def __iter__(self) -> Iterator[Row]:
        """Return all rows, in order."""
        return iter((*self.rows, *self.undocumented))

    @property
    def levels(self) -> tuple[Level, ...]:
        """The documented rows by what they have in common: first those without a heading of their own."""
        return split_levels(self.rows)


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
    def is_counted(self) -> bool:
        """Whether its rows have a part in the counts per verdict; else it stands last, and in short."""
        return is_counted(self.endpoint)

    @property
    def counts(self) -> dict[str, int]:
        """Rows per verdict, every verdict named."""
        return {str(verdict): sum(row["verdict"] == verdict for row in self.rows) for verdict in Verdict}


def build_sections(rows: Sequence[Row]) -> list[Section]:
    """Return the endpoints in the documentation's order; those it does not know come last."""
    endpoints = dict.fromkeys([*HEADINGS, *(row["id"].split("/")[0] for row in rows)])
    made = []
    for endpoint in endpoints:
        own = [row for row in rows if row["id"].split("/")[0] == endpoint]
        if own:
            heading = HEADINGS.get(endpoint, endpoint)
            made.append(Section(endpoint=endpoint, heading=heading, groups=tuple(_groups(own))))
    return made


def group_by_resource(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows about operations by the resource they are of: `vector_stores/files`."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault("/".join(row["id"].split("/")[1:-1]), []).append(row)
    return found


def _groups(rows: Sequence[Row]) -> Iterator[Group]:
    for kind in dict.fromkeys(row["id"].split("/")[1] for row in rows):
        of_kind = [row for row in rows if row["id"].split("/")[1] == kind]
        tops = {find_top(row) for row in of_kind if row["claim"] is not None}
        theirs = tuple(row for row in of_kind if not tops or find_top(row) in tops)
        others = tuple(row for row in of_kind if tops and find_top(row) not in tops)
        yield Group(kind=kind, rows=theirs, undocumented=others)


def split_levels(rows: Sequence[Row]) -> tuple[Level, ...]:
    """Return rows by what they have in common: first those without a heading of their own."""
    by_heading: dict[str, list[Row]] = {"": []}
    for row in rows:
        by_heading.setdefault(_level_heading(row), []).append(row)
    return tuple(Level(heading=heading, rows=tuple(own)) for heading, own in by_heading.items() if own)


def _level_heading(row: Row) -> str:
    parts = row["id"].split("/")
    return LEVEL_HEADINGS.get(parts[2], "") if parts[0] == "errors" and len(parts) > 3 else ""


def format_title(row: Row) -> str:
    """Return the title of a row, in which backticks mark code: below a level of errors the name of its field."""
    return f"`{row['id'].rpartition('/')[2]}`" if _level_heading(row) else str(row["title"])


FOLLOWS = "follows from: "
"""Beginning of what `describe_probe` says of a row that is judged by other rows."""


def list_parts(row: Row, rows: Mapping[str, Row]) -> list[Row]:
    """Return the rows that a derived row follows from; none for any other."""
    probed = row.get("probed", "")
    if not probed.startswith(FOLLOWS):
        return []
    found: list[Row] = []
    for part in probed.removeprefix(FOLLOWS).split(", "):
        if part.endswith("/*"):
            found += [each for name, each in rows.items() if name.startswith(part[:-1])]
        elif part in rows:
            found.append(rows[part])
    return found


def separate_unprobed(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the report with the rows untested that the suite had no experiment for when it was made.

    Such reports call them not applicable, which they are not: nobody knows.
    """
    unprobed = {row["id"] for row in report["rows"] if row["reason"] == NOT_PROBED}
    if not unprobed:
        return report
    untested = str(Verdict.UNTESTED)
    rows = [{**row, "verdict": untested} if row["id"] in unprobed else row for row in report["rows"]]
    counted = [row["verdict"] for row in rows if is_counted(row["id"])]
    return {**report, "rows": rows, "counts": {verdict: counted.count(verdict) for verdict in dict.fromkeys(counted)}}


def find_top(row: Row) -> str:
    """Return the id of the row without parts that this one is a part of, or its own."""
    return "/".join(row["id"].split("/")[:3])


def is_top(row: Row) -> bool:
    """Return whether the row is no part of another one."""
    return bool(row["id"] == find_top(row))


def measure_depths(rows: Sequence[Row]) -> dict[str, int]:
    """Return how deep each row is nested: the number of its ancestors that are rows themselves.

    Not the number of slashes: `messages/system/parts` is a part of `messages`, where nothing is `messages/system`.
    """
    known = {row["id"] for row in rows}
    return {name: sum(parent in known for parent in _list_parents(name)) for name in known}


def _list_parents(name: str) -> Iterator[str]:
    """Yield the ids that a row could be a part of."""
    parts = name.split("/")
    return ("/".join(parts[:length]) for length in range(3, len(parts)))


def find_disagreements(report: Mapping[str, Any]) -> dict[str, list[Row]]:
    """Return the rows in which the documentation is wrong, by the heading that every medium gives them.

    A heading without rows is left out; nothing is wrong where no documentation is known.
    """
    wrong = [row for row in report["rows"] if row["agrees"] is False]
    groups = {
        "Claimed but not there": [row for row in wrong if row["claim"]],
        "There but not claimed": [row for row in wrong if not row["claim"]],
    }
    return {heading: rows for heading, rows in groups.items() if rows}
