"""The rows of `models`, one item each."""

from __future__ import annotations

import pytest

from conformance.runner.plugin import Examine, rows_of


@pytest.mark.parametrize("row", rows_of("models"))
def test_models(row: str, examine: Examine) -> None:
    """One row of the checklist."""
    examine(row)
