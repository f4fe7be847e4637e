"""Rows in pytest's JUnit file, as the test tab of a CI shows them: `openai-conformance.chat`, `chat/fields/stop`.

pytest would call them `test_chat` and `test_chat[chat/fields/stop]`. Its own door for other names, the fixture
`record_xml_attribute`, works neither in the workers of xdist nor for rows that the controller judges; what the
fixture does is done here, where all reports come together.
"""

from __future__ import annotations

import pytest
from _pytest.junitxml import xml_key  # the fixture's own way to the file; pytest has no public one

from conformance.checklist.findings import Finding
from conformance.judge.catalog import load_catalog
from conformance.report.compare import printable


def properties(finding: Finding) -> list[tuple[str, object]]:
    """What the file says of a row besides its outcome; plain text, since it crosses process borders."""
    return [
        ("verdict", str(finding.verdict)),
        ("evidence", str(finding.evidence)),
        ("reason", printable(finding.reason, 600)),
    ]


def row_named(nodeid: str) -> str:
    """The row of a pytest item, by the item's id."""
    return nodeid.partition("[")[2].removesuffix("]")


class RowNames:
    """A plugin of the controller: every report goes by it, those of workers and those of its own."""

    def __init__(self, config: pytest.Config) -> None:
        """`config`: it knows the file, if one is asked for."""
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name the row, before pytest writes it down."""
        xml = self._config.stash.get(xml_key, None)
        row = row_named(report.nodeid)
        if xml is not None and row in load_catalog():
            entry = xml.node_reporter(report)
            entry.add_attribute("classname", f"openai-conformance.{row.split('/')[0]}")
            entry.add_attribute("name", row)
