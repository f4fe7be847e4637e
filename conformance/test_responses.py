"""The rows of `responses`, one item each.

Their experiments are in `conformance/probes/responses/`; `openai-conformance explain ROW` says what a row means.
"""

from __future__ import annotations

import pytest

from conformance.runner.items import Examine, rows_of


@pytest.mark.parametrize("row", rows_of("responses"))
def test_responses(row: str, examine: Examine) -> None:
    """Examine one row of the checklist."""
    examine(row)
