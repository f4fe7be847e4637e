"""Rows as pytest's items: which there are, in which order they are asked, and how one ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from conformance.checklist.claims import documented_boxes
from conformance.checklist.findings import Finding
from conformance.checklist.rows import KINDS, Row
from conformance.judge.catalog import load_catalog
from conformance.report.render.terminal import outcome_of
from conformance.report.text import clean_line

from .run_directory import SelectedItem
from .worker import Worker

DOCUMENTED = "documented"
"""The marker of rows that are boxes of Ollama's documentation of any release."""

Examine = Callable[[str], None]
"""The fixture `examine`: examines a row, and ends the item as its verdict compares with what is expected."""


def rows_of(endpoint: str) -> list[Any]:
    """Return the rows of an endpoint as parameters of a test. Rows that nobody can probe yet are only reported."""
    rows = (row for row in load_catalog().values() if row.endpoint == endpoint)
    return [
        pytest.param(row.id, id=row.id, marks=[getattr(pytest.mark, name) for name in markers_of(row)])
        for row in rows
        if row.probe or row.rule or row.derived_from
    ]


def markers_of(row: Row) -> tuple[str, ...]:
    """Return the names by which -m selects a row: its endpoint, its kind, and `documented` where it is a box."""
    endpoint, kind = row.id.split("/")[:2]
    documented = (DOCUMENTED,) if row.id in documented_boxes() else ()
    return (endpoint, *((kind,) if kind in KINDS else ()), *documented)


def row_of(node_id: str) -> Row | None:
    """Return the row of an item, by the item's node id; None where it is no row's."""
    return load_catalog().get(row_id(node_id))


def row_id(node_id: str) -> str:
    """Return what stands between the brackets of an item's node id."""
    return node_id.partition("[")[2].removesuffix("]")


def find_selected(items: Iterable[pytest.Item]) -> dict[str, SelectedItem]:
    """Return the items of rows, by row."""
    return {
        row.id: SelectedItem(node_id=item.nodeid, location=item.location)
        for item in items
        if (row := row_of(item.nodeid)) is not None
    }


def order_items(items: Iterable[pytest.Item], worker: Worker) -> list[pytest.Item]:
    """Return the items that a worker is to run, one model after the other, each in the order of the checklist.

    Rows without a probe are left out, since the controller judges them at the end, and so are the rows of other
    shards. Items that are no rows come first.
    """
    items = list(items)
    assigned = worker.assigned_rows(row for item in items if (row := row_of(item.nodeid)) is not None)
    order = {row: number for number, row in enumerate(load_catalog())}
    asked: list[tuple[tuple[int, int], pytest.Item]] = []
    for item in items:
        row = row_of(item.nodeid)
        if row is None:
            asked.append(((0, -1), item))
        elif row.probe is not None and row.id in assigned:
            asked.append(((worker.stage(row), order[row.id]), item))
    return [item for _, item in sorted(asked, key=lambda pair: pair[0])]


def end_item(worker: Worker, finding: Finding) -> None:
    """End the running item as the verdict compares with what is expected."""
    outcome, reason = outcome_of(finding, worker.expected(finding.row), required=worker.settings.require_supported)
    if outcome == "skipped":
        pytest.skip(reason)
    if outcome == "xfailed":
        pytest.xfail(reason)
    if outcome == "failed":
        pytest.fail(reason, pytrace=False)


def finding_properties(finding: Finding) -> list[tuple[str, object]]:
    """Return the user properties by which progress shows a row; plain text, since it crosses process borders."""
    return [("verdict", str(finding.verdict)), ("reason", clean_line(finding.reason))]
