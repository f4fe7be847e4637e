"""The rows of `completions`, one item each."""

from __future__ import annotations

import pytest

from conformance.runner.plugin import Examine, rows_of


@pytest.mark.parametrize("row", rows_of("completions"))
def test_completions(row: str, examine: Examine) -> None:
    """One row of the checklist."""
    examine(row)
