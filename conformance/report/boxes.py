"""Which row a box of a documentation page is about: by its wording, by the field it names, or by its place.

The wordings of all releases are data of the checklist; translations keep the names of fields and the order of the
page, and so are found by those. What none of the three tells for certain has no row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from conformance.checklist.claims import checklists, wordings
from conformance.judge.catalog import load_catalog

KINDS = ("features", "fields")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A box as it is listed: under which endpoint and heading, how deep, in which words."""

    endpoint: str
    section: int
    """Tells the headings apart."""
    indent: int
    """In columns."""
    wording: str


@dataclass(kw_only=True)
class _Item:
    listed: Listed
    below: list[_Item] = field(default_factory=list)
    row: str | None = None


def rows_of_boxes(boxes: Sequence[Listed]) -> list[str | None]:
    """The row of each box, None where there is none or where it cannot be told."""
    items = [_Item(listed=box) for box in boxes]
    for top in _trees(items):
        _match(top, None)
    return [item.row for item in items]


def _trees(items: Sequence[_Item]) -> list[list[_Item]]:
    """The items that stand below no other, list by list; the others are hung below theirs."""
    lists: dict[int, list[_Item]] = {}
    open_: list[_Item] = []
    for item in items:
        while open_ and (
            open_[-1].listed.section != item.listed.section or open_[-1].listed.indent >= item.listed.indent
        ):
            open_.pop()
        siblings = open_[-1].below if open_ else lists.setdefault(item.listed.section, [])
        siblings.append(item)
        open_.append(item)
    return list(lists.values())


def _match(siblings: list[_Item], parent: str | None) -> None:
    """Find the rows of a list of boxes that stand below one row, or below an endpoint's heading."""
    if not siblings:
        return
    prefixes = _prefixes(siblings, parent)
    for by in (_by_wording, _by_name):
        for item in siblings:
            found = by(item.listed.wording, prefixes) if item.row is None else None
            if found is not None and found not in {other.row for other in siblings}:
                item.row = found
    _by_place(siblings, prefixes)
    for item in siblings:
        # Below a box that is nobody's, no row can be told.
        if item.row is not None:
            _match(item.below, item.row)


def _prefixes(siblings: Sequence[_Item], parent: str | None) -> list[str]:
    """What the ids of such rows begin with, the likeliest kind first: fields are named in backticks."""
    if parent is not None:
        return [parent]
    endpoint = siblings[0].listed.endpoint
    if not endpoint:
        return []
    fields = sum("`" in item.listed.wording for item in siblings)
    kinds = KINDS if 2 * fields < len(siblings) else tuple(reversed(KINDS))
    return [f"{endpoint}/{kind}" for kind in kinds]


def _below(row: str, prefix: str) -> bool:
    """Whether the row is one step below."""
    return row.rpartition("/")[0] == prefix


def _plain(wording: str) -> str:
    return " ".join(wording.casefold().split()).rstrip(".:;")


def _by_wording(wording: str, prefixes: Sequence[str]) -> str | None:
    for prefix in prefixes:
        for row, known in wordings().items():
            if _below(row, prefix) and _plain(wording) in map(_plain, known):
                return row
    return None


def _name(wording: str) -> str | None:
    """The name in backticks that a wording begins with, as in an id."""
    found = re.match(r"\W*`([^`]+)`", wording)
    return found[1].strip().casefold().replace(" ", "_") if found else None


def _by_name(wording: str, prefixes: Sequence[str]) -> str | None:
    """The field that the box names; rows that no page has had a box for are found too."""
    name = _name(wording)
    found = [f"{prefix}/{name}" for prefix in prefixes if f"{prefix}/{name}" in load_catalog()] if name else []
    return found[0] if found else None


def _by_place(siblings: Sequence[_Item], prefixes: Sequence[str]) -> None:
    """Give what is left the rows that stand in their places in a release, if all releases that fit say the same.

    A release fits where its list is as long and has every row that is known already in the same place.
    """
    if all(item.row is not None for item in siblings):
        return
    fitting = set()
    for prefix in prefixes[:1]:
        for checklist in checklists():
            rows = tuple(row for row in checklist if _below(row, prefix))
            known = zip(siblings, rows, strict=False)
            if len(rows) == len(siblings) and all(item.row in (None, row) for item, row in known):
                fitting.add(rows)
    for place, item in enumerate(siblings):
        told = {rows[place] for rows in fitting}
        if item.row is None and len(told) == 1:
            item.row = told.pop()
