"""pytest's reports of rows that no worker ran: those that only all answers together can tell."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.report.render.terminal import outcome_of

from .controller import Conclusion
from .items import finding_properties
from .worker import Worker


def make_reports(worker: Worker, conclusion: Conclusion) -> list[pytest.TestReport]:
    """Return the reports of a row's setup, call and teardown, as pytest would have made them of an item."""
    finding, item = conclusion.finding, conclusion.item
    outcome, reason = outcome_of(finding, worker.expected(finding.row), required=worker.settings.require_supported)
    file, line, _ = item.location
    skipped = (file, line, f"Skipped: {reason}")
    calls: dict[str, Any] = {
        "passed": {"outcome": "passed", "longrepr": None},
        "failed": {"outcome": "failed", "longrepr": reason},
        "xfailed": {"outcome": "skipped", "longrepr": reason},
        "skipped": {"outcome": "skipped", "longrepr": skipped},
    }
    passed = {"outcome": "passed", "longrepr": None}
    phases: dict[Any, Any] = {"setup": passed, "call": calls[outcome], "teardown": passed}
    reports = [
        pytest.TestReport(
            nodeid=item.node_id,
            location=item.location,
            keywords={},
            when=when,
            user_properties=finding_properties(finding),
            **phase,
        )
        for when, phase in phases.items()
    ]
    if outcome == "xfailed":
        reports[1].wasxfail = reason
    return reports
