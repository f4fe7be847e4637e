"""Rows as JUnit's cases, as the test tab of a CI shows them: `openai-conformance.chat`, `chat/fields/stop`.

Rendered from report.json alone, so that a merge of shards has the file too. What the cases say is what pytest's items
said: `outcome_of` decides both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.errors import UsageError
from conformance.files import atomic_write
from conformance.report.build import AT_MERGE, NOT_SELECTED, OTHER_SHARD, OWN_ERROR, OWN_ERROR_NOTE
from conformance.report.probing import NOT_PROBED
from conformance.report.text import clean_line

from .terminal import outcome_of

_MAX_REASON_CHARACTERS = 600

_ELSEWHERE = (NOT_SELECTED, OTHER_SHARD, AT_MERGE)
"""Reasons of rows that this run was not to ask: they are no cases."""


def write_junit(file: Path, report: Mapping[str, Any], *, require_supported: bool) -> None:
    """Write a report as a JUnit file, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, render_junit(report, require_supported=require_supported))
    except OSError as error:
        raise UsageError(f"--junitxml: cannot write {file}: {error.strerror or error}") from error


def render_junit(report: Mapping[str, Any], *, require_supported: bool = False) -> str:
    """Return a report as JUnit's XML: a suite per endpoint, a case per row that the run was to ask.

    A row that fails the run is a failure; a worse verdict that nobody forbids is skipped as pytest's expected
    failures are; a row without a verdict about the server is skipped, or an error where the error is our own.
    `require_supported`: whether each row without support fails.
    """
    expected = _worse_than_expected(report)
    suites = ET.Element("testsuites", name="openai-conformance")
    rows = [row for row in report["rows"] if _is_case(row)]
    for endpoint in dict.fromkeys(row["endpoint"] for row in rows):
        cases = [
            _render_case(row, expected.get(row["id"]), require_supported=require_supported)
            for row in rows
            if row["endpoint"] == endpoint
        ]
        _add_suite(suites, endpoint, report["started"], cases)
    if not any(case.find("error") is not None for case in suites.iter("testcase")):
        # An error that belongs to no row, such as a module of ours that cannot be imported.
        errors = [note for note in report["notes"] if note.startswith(OWN_ERROR_NOTE)]
        if errors:
            _add_suite(suites, "run", report["started"], map(_render_error, errors))
    ET.indent(suites, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _worse_than_expected(report: Mapping[str, Any]) -> dict[str, Verdict]:
    """Row -> what was expected, of those that are worse or lost their evidence."""
    difference = (report["baseline"] or {}).get("difference") or {}
    changes = [*difference.get("regressions", ()), *difference.get("lost_evidence", ())]
    return {change["row"]: Verdict(change["old"]) for change in changes}


def _is_case(row: Mapping[str, Any]) -> bool:
    if row.get("probed") == NOT_PROBED:
        return False
    return not (row["verdict"] == Verdict.UNTESTED and row["reason"] in _ELSEWHERE)


def _add_suite(suites: ET.Element, name: str, started: str, cases: Iterable[ET.Element]) -> None:
    cases = list(cases)
    counts = {
        attribute: str(sum(case.find(tag) is not None for case in cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    seconds = sum(float(case.get("time", "0")) for case in cases)
    suite = ET.SubElement(
        suites,
        "testsuite",
        {"name": f"openai-conformance.{name}", "tests": str(len(cases)), **counts, "time": f"{seconds:.3f}",
         "timestamp": started},
    )  # fmt: skip
    suite.extend(cases)


def _render_case(row: Mapping[str, Any], expected: Verdict | None, *, require_supported: bool) -> ET.Element:
    finding = Finding(
        row=row["id"],
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        evidence=Evidence(row["evidence"]),
        seconds=row["seconds"],
    )
    case = ET.Element(
        "testcase",
        classname=f"openai-conformance.{row['endpoint']}",
        name=row["id"],
        time=f"{finding.seconds:.3f}",
    )
    properties = ET.SubElement(case, "properties")
    reason = clean_line(finding.reason, _MAX_REASON_CHARACTERS)
    for name, value in (("verdict", finding.verdict), ("evidence", finding.evidence), ("reason", reason)):
        ET.SubElement(properties, "property", name=name, value=str(value))
    outcome, message = outcome_of(finding, expected, required=require_supported)
    if finding.verdict is Verdict.UNTESTED and finding.reason.startswith(f"{OWN_ERROR}: "):
        ET.SubElement(case, "error", message=message).text = message
    elif outcome == "failed":
        ET.SubElement(case, "failure", message=message).text = message
    elif outcome == "xfailed":
        ET.SubElement(case, "skipped", type="pytest.xfail", message=message)
    elif outcome == "skipped":
        ET.SubElement(case, "skipped", type="pytest.skip", message=message)
    return case


def _render_error(note: str) -> ET.Element:
    case = ET.Element("testcase", classname="openai-conformance.run", name="run", time="0")
    message = clean_line(note, _MAX_REASON_CHARACTERS)
    ET.SubElement(case, "error", message=message).text = message
    return case
