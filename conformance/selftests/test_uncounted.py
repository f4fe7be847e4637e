"""Rows outside the counts: they change no total, make no report a partial one, and stand last and in short."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.finalize import has_regressions
from conformance.report.baseline import Baseline
from conformance.report.build import NOT_SELECTED, OWN_ERROR
from conformance.report.html.page import render_page
from conformance.report.render.badge import render_badges
from conformance.report.render.github import format_summary
from conformance.report.render.junit import render_junit
from conformance.report.render.markdown import render_matrix
from conformance.report.render.terminal import outcome_of

from .commands import EMBEDDINGS, command
from .page_material import exchange, known, report, row
from .reports import report_of

LIST, RETRIEVE, CREATE = (f"operations/files/{name}" for name in ("list", "retrieve", "create"))
THEIRS = [name for name in load_catalog() if not is_counted(name)]
OURS = [name for name in load_catalog() if is_counted(name)]
CHAT = "chat/fields/n/plain"


def reported(verdict: str, others: str = "supported", reason: str = "as made for a test"):
    """A report in which all uncounted rows have a verdict, and all others another one."""
    return report_of(dict.fromkeys(THEIRS, verdict), others=others, reasons=dict.fromkeys(THEIRS, reason))


def test_they_are_in_the_report_and_in_no_count():
    made = reported("broken")
    assert made["counts"] == {"supported": len(OURS)}
    assert sum(row["verdict"] == "broken" for row in made["rows"]) == len(THEIRS) > 300


def test_a_cause_that_all_of_them_share_is_no_note():
    assert reported("rejected", reason="absent")["notes"] == []


@pytest.mark.parametrize(
    ("verdict", "reason", "complete"),
    [("untested", NOT_SELECTED, True), ("untested", f"{OWN_ERROR}: x", False), ("rejected", "absent", True)],
)
def test_a_report_is_whole_without_those_that_were_deselected(verdict, reason, complete):
    assert reported(verdict, reason=reason)["complete"] is complete


def test_a_report_without_a_counted_row_is_partial():
    assert report_of({OURS[0]: "untested"}, reasons={OURS[0]: NOT_SELECTED})["complete"] is False


def test_no_badge_says_anything_of_them():
    made = reported("broken")
    badges = render_badges(made)
    assert json.loads(badges["overall.json"])["message"] == f"{len(OURS)} of {len(OURS)} supported"
    assert "operations.json" not in badges
    assert badges == render_badges(reported("supported"))


def test_the_summary_of_a_ci_counts_none_of_them():
    text = format_summary(reported("broken"), None, Path("report.json"))
    assert "broken" not in text
    assert f"**{len(OURS)}**" in text


def test_support_is_not_required_of_them():
    absent = Finding(row=LIST, verdict=Verdict.REJECTED, reason="absent")
    assert outcome_of(absent, None, required=True)[0] == "xfailed"
    assert not has_regressions({LIST: absent}, {}.get, required=True)
    counted = Finding(row=CHAT, verdict=Verdict.REJECTED, reason="refused")
    assert outcome_of(counted, None, required=True)[0] == "failed"
    assert has_regressions({CHAT: counted}, {}.get, required=True)


def test_an_operation_that_a_baseline_has_and_the_server_has_no_more_fails_the_run():
    absent = Finding(row=LIST, verdict=Verdict.REJECTED, reason="absent")
    assert outcome_of(absent, Verdict.SUPPORTED, required=False)[0] == "failed"
    assert has_regressions({LIST: absent}, {LIST: Verdict.SUPPORTED}.get)
    before = report_of({})
    old = Baseline(source="s", version=None, verdicts={}, report=before)
    made = report_of({LIST: "rejected"}, baseline=old)
    assert [change["row"] for change in made["baseline"]["difference"]["regressions"]] == [LIST]


def test_one_that_was_deselected_is_no_regression():
    old = Baseline(source="s", version=None, verdicts={}, report=report_of({}))
    made = report_of({LIST: "untested"}, reasons={LIST: NOT_SELECTED}, baseline=old)
    assert made["baseline"]["difference"]["status"] == 0


def test_junit_has_them_in_a_suite_of_their_own():
    suites = ET.fromstring(render_junit(reported("rejected")))  # noqa: S314 - our own file
    sizes = {suite.get("name"): int(suite.get("tests")) for suite in suites}
    assert sizes["openai-conformance.operations"] == len(THEIRS)
    assert sum(sizes.values()) - len(THEIRS) <= len(OURS)


ROWS = [
    row(CHAT, exchanges=[exchange({"n": 2})]),
    row(LIST, exchanges=[exchange({"zz": 1})]),
    row(RETRIEVE, "rejected", reason="absent: 404"),
    row(CREATE, "inconclusive", reason="refused in <odd> words"),
    row("operations/vector_stores/files/list"),
]


def test_the_matrix_has_a_line_for_each_resource_after_all_else():
    text = render_matrix(report(ROWS))
    section = text.partition("### Other operations\n")[2].partition("\n## ")[0]
    assert re.findall("^- .*", section, re.MULTILINE) == [
        "- `files` — supported: list; rejected: retrieve; inconclusive: create (refused in &lt;odd> words)",
        "- `vector_stores/files` — supported: list",
    ]
    assert text.index("## Other operations") > text.index("chat/completions")
    assert "- Verdicts: " in text


def test_the_page_has_them_folded_after_the_matrix_and_out_of_its_table_and_filters():
    exchanges = [exchange({"n": 2}), exchange({"zz": 1})]
    page = render_page(report(ROWS), known(*exchanges))
    section = page[page.index('<details class="uncounted">') :]
    assert page.index('id="matrix"') < page.index('<details class="uncounted">')
    for each in ROWS[1:]:
        assert f'id="{each["id"]}"' in section
        assert each["reason"].replace("<", "&lt;").replace(">", "&gt;") in section
        assert f'class="row d0" id="{each["id"]}"' not in page
    assert 'value="operations"' not in page
    assert "e=operations" not in page
    assert exchanges[0].id in page
    assert exchanges[1].id not in page


def test_m_deselects_them(tmp_path):
    run = command(tmp_path, "run", "--base-url", "http://nobody.invalid", *EMBEDDINGS, "--collect-only",
                  "-m", "not operations")  # fmt: skip
    assert run.status == 0, run.text
    assert "Warning" not in run.text
    assert "[operations/" not in run.text
    assert f"[{CHAT}]" in run.text
