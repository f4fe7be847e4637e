"""Match a checkbox of a documentation page to its row: by its wording, by the field it names, or by its position.

The wordings of all releases are data of the checklist; translations keep the names of fields and the order of the
page, and so are found by those. Where none of the three is certain, there is no row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from conformance.checklist.claims import checklists, wordings
from conformance.judge.catalog import load_catalog

from .parse import Checkbox

_KINDS = ("features", "fields")


@dataclass(kw_only=True)
class _Node:
    checkbox: Checkbox
    children: list[_Node] = field(default_factory=list)
    row: str | None = None


def match_checkboxes(checkboxes: Sequence[Checkbox], *, by_position: bool = True) -> list[Checkbox]:
    """Return the checkboxes with their rows; one without a row, or whose row is not certain, as it is.

    `by_position`: whether to go by the order of the page where neither wording nor name tells, as in a translation.
    """
    nodes = [_Node(checkbox=checkbox) for checkbox in checkboxes]
    for siblings in _build_trees(nodes):
        _match_siblings(siblings, None, by_position=by_position)
    return [replace(node.checkbox, row=node.row) for node in nodes]


def _build_trees(nodes: Sequence[_Node]) -> list[list[_Node]]:
    """Hang each node below the one that it is nested in; return those nested in none, heading by heading."""
    tops: dict[int, list[_Node]] = {}
    for node in nodes:
        parent, section = node.checkbox.parent, node.checkbox.section
        siblings = tops.setdefault(section, []) if parent is None else nodes[parent].children
        siblings.append(node)
    return list(tops.values())


def _match_siblings(siblings: list[_Node], parent: str | None, *, by_position: bool) -> None:
    """Set the rows of the items that stand below one row, or below an endpoint's heading, and of those below them."""
    if not siblings:
        return
    prefixes = _list_prefixes(siblings, parent)
    for match in (_match_by_wording, _match_by_name):
        for node in siblings:
            row = match(node.checkbox.wording, prefixes) if node.row is None else None
            if row is not None and row not in {other.row for other in siblings}:
                node.row = row
    if by_position:
        _match_by_position(siblings, prefixes)
    for node in siblings:
        # Below an item without a row, no row is certain.
        if node.row is not None:
            _match_siblings(node.children, node.row, by_position=by_position)


def _list_prefixes(siblings: Sequence[_Node], parent: str | None) -> list[str]:
    """Return what the ids of such rows begin with, the likeliest kind first: fields are named in backticks."""
    if parent is not None:
        return [parent]
    endpoint = siblings[0].checkbox.endpoint
    if not endpoint:
        return []
    fields = sum("`" in node.checkbox.wording for node in siblings)
    kinds = _KINDS if 2 * fields < len(siblings) else tuple(reversed(_KINDS))
    return [f"{endpoint}/{kind}" for kind in kinds]


def _is_child(row: str, prefix: str) -> bool:
    """Whether the row is one step below."""
    return row.rpartition("/")[0] == prefix


def _normalize_wording(wording: str) -> str:
    return " ".join(wording.casefold().split()).rstrip(".:;")


def _match_by_wording(wording: str, prefixes: Sequence[str]) -> str | None:
    """Return the row that a release has worded so."""
    normalized = _normalize_wording(wording)
    for prefix in prefixes:
        for row, known in wordings().items():
            if _is_child(row, prefix) and normalized in map(_normalize_wording, known):
                return row
    return None


def extract_name(wording: str) -> str | None:
    """Return the name in backticks that a wording begins with, as in an id."""
    found = re.match(r"\W*`([^`]+)`", wording)
    return found[1].strip().casefold().replace(" ", "_") if found else None


def _match_by_name(wording: str, prefixes: Sequence[str]) -> str | None:
    """Return the row of the field that the item names; also one that no release had a checkbox for."""
    name = extract_name(wording)
    rows = [f"{prefix}/{name}" for prefix in prefixes if f"{prefix}/{name}" in load_catalog()] if name else []
    return rows[0] if rows else None


def _match_by_position(siblings: Sequence[_Node], prefixes: Sequence[str]) -> None:
    """Set the rows that are left to those in their positions in a release, if all releases that fit say the same.

    A release fits where its list is as long and has every row that is known already in the same position.
    """
    if all(node.row is not None for node in siblings):
        return
    fitting = set()
    for prefix in prefixes[:1]:
        for checklist in checklists():
            rows = tuple(row for row in checklist if _is_child(row, prefix))
            known = zip(siblings, rows, strict=False)
            if len(rows) == len(siblings) and all(node.row in (None, row) for node, row in known):
                fitting.add(rows)
    for position, node in enumerate(siblings):
        candidates = {rows[position] for rows in fitting}
        if node.row is None and len(candidates) == 1:
            node.row = candidates.pop()
