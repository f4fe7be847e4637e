"""The rows of `rerank`, one item each."""

# ruff: noqa: INP001 - copied into the package

from __future__ import annotations

import pytest

from conformance.runner.items import Examine, rows_of


@pytest.mark.parametrize("row", rows_of("rerank"))
def test_rerank(row: str, examine: Examine) -> None:
    """One row of the checklist."""
    examine(row)
