"""The rows of `operations`, one item each; `-m "not operations"` leaves them out.

Their experiments are in `conformance/probes/operations.py`; `openai-conformance explain ROW` says what a row means.
"""

from __future__ import annotations

import pytest

from conformance.runner.items import Examine, rows_of


@pytest.mark.parametrize("row", rows_of("operations"))
def test_operations(row: str, examine: Examine) -> None:
    """Examine one row of the checklist."""
    examine(row)
