"""What is worse than expected is decided once: all that tells a run's end agrees with one truth table."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Verdict
from conformance.judge.expectation import Standing, assess_verdict
from conformance.judge.finalize import has_regressions
from conformance.report.compare import compare
from conformance.report.render.github import format_annotations
from conformance.report.render.junit import render_junit
from conformance.report.render.terminal import outcome_of

from .page_material import report, row

N = "chat/fields/n"
RANKED = ("supported", "partial", "rejected", "ignored", "broken")
SILENT = ("inconclusive", "not_applicable")


def standing_due(found: str, expected: str | None, *, required: bool) -> str:
    """The standing, said of the words."""
    if found == "untested":
        return "not_compared"
    if expected in RANKED and found in RANKED[RANKED.index(expected) + 1 :]:
        return "regressed"
    if expected in RANKED and found in SILENT:
        return "evidence_lost"
    if required and found not in ("supported", "partial", "not_applicable"):
        return "not_supported"
    if expected in (None, "untested"):
        return "not_compared"
    if expected in SILENT and found in RANKED:
        return "evidence_gained"
    return "improved" if expected in RANKED and expected != found else "as_expected"


TABLE = [
    pytest.param(found, expected, required, id=f"{found}-{expected}-{'required' if required else 'free'}")
    for found in Verdict
    for expected in (None, *Verdict)
    for required in (False, True)
]


def compared(found: Verdict, expected: Verdict | None) -> Any:
    """The report of one row and what it was compared with."""
    old = report([] if expected is None else [row(N, str(expected))])
    new = report([row(N, str(found), reason="why")])
    difference = compare(old, new)
    baseline = {"source": "b.json", "version": "1", "difference": difference.to_record()}
    return {**new, "baseline": baseline}, difference


@pytest.mark.parametrize(("found", "expected", "required"), TABLE)
def test_all_that_tells_the_end_of_a_row_agrees(found: Verdict, expected: Verdict | None, required: bool) -> None:
    due = standing_due(found, expected, required=required)
    standing = assess_verdict(found, expected, require_supported=required)
    assert standing == due
    fails = due in ("regressed", "evidence_lost", "not_supported")
    assert standing.fails is fails

    finding = Finding(row=N, verdict=found, reason="why")
    outcome, message = outcome_of(finding, expected, required=required)
    rest = "passed" if found.is_positive else "xfailed" if found in RANKED else "skipped"
    assert outcome == ("failed" if fails else rest)
    assert message.startswith({"not_supported": "--require-supported: ", "not_compared": f"{found}: "}.get(
        due, f"expected {expected}, found " if fails else f"{found}: "))  # fmt: skip

    assert has_regressions({N: finding}, {N: expected}.get, required=required) is fails

    made, difference = compared(found, expected)
    worse = due in ("regressed", "evidence_lost")  # what another run expected; support is not its concern
    assert difference.status == int(worse)
    assert [change.row for change in (*difference.regressions, *difference.lost_evidence)] == [N] * worse
    assert [line.partition("::")[2].partition("::")[0] for line in format_annotations(difference)] == (
        [f"error title={N}"] * worse
    )

    case = ET.fromstring(render_junit(made, require_supported=required)).find(".//testcase")  # noqa: S314 - our own
    assert case is not None
    tags = [child.tag for child in case if child.tag != "properties"]
    assert tags == {"failed": ["failure"], "passed": []}.get(outcome, ["skipped"])
    if outcome != "passed":
        assert case.find(tags[0]).get("message") == message  # type: ignore[union-attr]
        assert case.find(tags[0]).get("type") == {  # type: ignore[union-attr]
            "xfailed": "pytest.xfail", "skipped": "pytest.skip"
        }.get(outcome)  # fmt: skip


def test_each_standing_is_met_by_the_table() -> None:
    met = {assess_verdict(*each.values[:2], require_supported=each.values[2]) for each in TABLE}
    assert met == set(Standing)
