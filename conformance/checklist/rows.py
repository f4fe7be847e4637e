"""The rows of the matrix. A row is declared once, where its probe, rule or parts are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .field_values import FieldValues
from .verdicts import Severity

GROUPS = {
    "errors": "errors",
    "clients": "clients",
    "native": "native",
    "operations": "other operations",
}
"""First part of a row id -> heading, for rows that belong to no single endpoint; they stand last in the matrix.

The endpoints themselves, with their headings, are classes in `probes.endpoints`.
"""

UNCOUNTED = ("operations",)
"""Groups that stand outside the counts per verdict. No server has all operations of the SDK, and none has to:
hundreds of rows about what is not there would hide what is."""

KINDS = ("features", "fields", "notes", "response", "stream")

CAPABILITIES = (
    "chat", "tools", "insert", "vision", "embedding", "images", "thinking", "native", "small_context", "writes",
    "whole_template",
)  # fmt: skip
"""What a target may declare a model for. `images`: one that makes pictures, which only an option can name: they cost
time or money; `native`: it has an API of its own beside this one; `small_context`: a model of ours with a context of
512 tokens; `writes`: a model of ours, and the leave to copy it; `whole_template`: a model of ours, whose template
writes names, calls and their results."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the checklist.

    Exactly one of `probe` (asks the server), `rule` (holds in all answers of a run), `parts` (derived from other
    rows) is set; none of them is "not probed yet".
    """

    id: str
    description: str = ""
    """What the server should do, in one or two sentences, with the clause it rests on."""
    title: str = ""
    capability: str = "chat"
    severity: Severity = Severity.MUST
    false_verdict_probability: str
    """How likely the verdict is to be wrong by luck: a bound with its derivation, or `deterministic` and why."""
    probe: Callable[..., Any] | None = field(default=None, compare=False)
    rule: Callable[..., Any] | None = field(default=None, compare=False)
    derived_from: tuple[str, ...] = ()
    is_control: bool = False
    """Whether the row is about the plain request that is every other row's control."""
    values: FieldValues | None = None
    """Of a row about a whole request field: the values that it is asked with. Its error rows are made of them."""
    declared_at: tuple[str, int] = field(default=("", 0), compare=False)
    """Module and line of the declaration. The documentation's order comes first in the matrix, then this one."""

    @property
    def endpoint(self) -> str:
        """First part of the id: `chat`, `completions`, ..."""
        return self.id.split("/")[0]

    @property
    def kind(self) -> str:
        """Second part of the id: `features`, `fields`, `notes`, `response`, `stream`, or a group of its own."""
        return self.id.split("/")[1]

    @property
    def path(self) -> tuple[str, ...]:
        """What follows endpoint and kind."""
        return tuple(self.id.split("/")[2:])

    @property
    def heading(self) -> str:
        """The title, or the path in the id's own spelling."""
        return self.title or self.path[-1].replace("_", " ")


def is_counted(row: str) -> bool:
    """Tell whether a row, by its id, has a part in what is said of the rows together.

    That is counts, badges, whether a report is complete, `--require-supported`, and causes that many rows share. A
    baseline holds the others too: that a server loses what it had is told of every row.
    """
    return row.partition("/")[0] not in UNCOUNTED


_declared: dict[str, Row] = {}


def declare(row: Row) -> Row:
    """Enter a row; an id can be declared only once."""
    if row.id in _declared:
        raise ValueError(f"row {row.id} is declared twice")
    _declared[row.id] = row
    return row


def declared_rows() -> dict[str, Row]:
    """All rows declared so far, in the order of their declaration."""
    return dict(_declared)


def field_values(endpoint: str) -> dict[str, FieldValues]:
    """Return field -> values of an endpoint, as far as its rows are declared."""
    fields = (row for row in _declared.values() if row.endpoint == endpoint and row.values is not None)
    return {row.path[0]: row.values for row in fields if row.values is not None}
