"""The rows of `images`, one item each.

Their experiments are in `conformance/probes/images.py`; `openai-conformance explain ROW` says what a row means.
"""

from __future__ import annotations

import pytest

from conformance.runner.items import Examine, rows_of


@pytest.mark.parametrize("row", rows_of("images"))
def test_images(row: str, examine: Examine) -> None:
    """Examine one row of the checklist."""
    examine(row)
