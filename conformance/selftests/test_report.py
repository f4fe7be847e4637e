"""Reports as data: comparisons, baselines, pytest's outcomes, golden files."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalogue import catalogue
from conformance.judge.finding import Finding
from conformance.judge.schema import violations
from conformance.report.baseline import Baseline, baseline_for, write_baseline
from conformance.report.build import Measured, agrees, built
from conformance.report.compare import compared, lines_of
from conformance.report.matrix import matrix
from conformance.report.terminal import outcome_of
from conformance.targets.errors import TargetError
from conformance.targets.ollama import Model
from conformance.targets.opening import Target

from .golden import FOLDER, rendered
from .page_material import HOSTILE_EXCHANGES, report, row
from .reports import URL

GROUPS = ("regressions", "improvements", "lost_evidence", "gained_evidence", "new_rows", "removed_rows",
          "changed_reasons")  # fmt: skip

RANKED = ("supported", "partial", "rejected", "ignored", "broken")
DOUBTS = ("inconclusive", "not_applicable")
N = "chat/fields/n"

# Comparisons


def pair(old: str | None, new: str | None) -> list[Any]:
    """Two reports of one more row each, unless it is in one alone."""
    both = row("chat/fields/seed")
    return [report([both, *([] if each is None else [row(N, each, reason="r")])]) for each in (old, new)]


def group_of(old: str | None, new: str | None) -> str | None:
    """The group that a change belongs to, said of the two words."""
    if old is None and new is None:
        return None
    if old is None or new is None:
        return "new_rows" if old is None else "removed_rows"
    if old in RANKED and new in RANKED and old != new:
        return "regressions" if RANKED.index(new) > RANKED.index(old) else "improvements"
    if (old in RANKED) != (new in RANKED):
        return "lost_evidence" if old in RANKED else "gained_evidence"
    return None


@pytest.mark.parametrize("old", [*RANKED, *DOUBTS, None])
@pytest.mark.parametrize("new", [*RANKED, *DOUBTS, None])
def test_a_change_stands_in_its_own_group_and_in_no_other(old: str | None, new: str | None) -> None:
    found = compared(*pair(old, new))
    named = {group: [change.row for change in getattr(found, group)] for group in GROUPS}
    group = group_of(old, new)
    assert {name: rows for name, rows in named.items() if rows} == ({group: [N]} if group else {})
    assert found.status == (1 if group in ("regressions", "lost_evidence") else 0)
    assert found.untested == 0
    shown = "\n".join(lines_of(found))
    assert (f"{N}: {old or '-'} -> {new or '-'}" in shown) == bool(group)
    assert ("No differences." in shown) == (group is None)


@pytest.mark.parametrize("other", ["supported", "broken", "untested", None])
def test_a_row_that_one_of_two_did_not_ask_says_nothing(other: str | None) -> None:
    for old, new in (("untested", other), (other, "untested")):
        found = compared(*pair(old, new))
        assert found.untested == 1
        assert not any(getattr(found, group) for group in GROUPS)
        assert found.status == 0
        assert "1 rows were not asked" in "\n".join(lines_of(found))


def test_another_reason_is_no_regression() -> None:
    old, new = pair("broken", "broken")
    new["rows"][1]["reason"] = "another"
    found = compared(old, new)
    assert [(change.row, change.reason) for change in found.changed_reasons] == [(N, "another")]
    assert found.status == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(("m", "a1"), ("m", "a1"), False), (("m", "a1"), ("m", "b2"), True), (("m", None), ("m", None), False),
     (("m", None), ("k", None), True), (("m", "a1"), ("k", "a1"), False)],
)  # fmt: skip
def test_another_model_behind_the_same_name_is_said(
    old: tuple[str, str | None], new: tuple[str, str | None], said: bool
) -> None:
    reports = pair("supported", "ignored")
    for made, (name, digest) in zip(reports, (old, new), strict=True):
        made["target"]["models"]["chat"] |= {"id": name, "digest": digest}
    found = compared(*reports)
    assert found.models == (("chat",) if said else ())
    assert ("Another model answered for chat" in "\n".join(lines_of(found))) == said


# Baselines


def options(file: Path, *, update: bool = False) -> Any:
    return SimpleNamespace(baseline=str(file), update_baseline=update)


def test_a_baseline_is_sorted_a_row_per_line_and_read_as_written(tmp_path: Path) -> None:
    made = report([row("chat/fields/stop", "broken"), row(N), row("chat/fields/seed", "untested")])
    file = tmp_path / "new" / "expected.json"
    write_baseline(file, made)
    assert list(file.parent.iterdir()) == [file]
    lines = file.read_text().splitlines()
    rows = [line.strip() for line in lines if "chat/fields" in line]
    assert rows == [f'"{N}": "supported",', '"chat/fields/stop": "broken"']
    found = baseline_for(options(file), None)
    assert found is not None
    assert found.verdicts == {N: "supported", "chat/fields/stop": "broken"}
    assert (found.version, found.source) == ("0.5.1", str(file))
    found_report = tmp_path / "report.json"
    found_report.write_text(json.dumps(made))
    of_report = baseline_for(options(found_report), None)
    assert of_report is not None
    assert of_report.verdicts == found.verdicts
    assert compared(found.report, made).status == 0


BAD = {
    "missing": (None, "cannot be read"),
    "empty": ("", "cannot be read"),
    "cut": ('{"baseline": {', "cannot be read"),
    "deep": ("[" * 100_000, "cannot be read"),
    "foreign": ('{"hello": 1}', "no report of openai-conformance"),
    "list": ("[]", "no report of openai-conformance"),
    "newer": (json.dumps({**report([]), "format": 99}), "upgrade openai-conformance"),
    "damaged": (json.dumps({**report([]), "rows": [7]}), "is damaged"),
    "no word": ('{"baseline": {}, "verdicts": {"a/b/c": "splendid"}}', "holds a verdict that is none"),
    "no words": ('{"baseline": {}, "verdicts": {"a/b/c": ["supported"]}}', "holds a verdict that is none"),
    "odd model": ('{"baseline": {"models": {"chat": 7}}, "verdicts": {}}', "holds a model that is none"),
    "odd models": ('{"baseline": {"models": [7]}, "verdicts": {}}', "holds a model that is none"),
    "no rows": ('{"baseline": {}, "verdicts": []}', "holds a verdict that is none"),
}


@pytest.mark.parametrize("how", BAD)
def test_a_baseline_that_is_none_is_named(how: str, tmp_path: Path) -> None:
    text, says = BAD[how]
    file = tmp_path / "expected.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(TargetError, match=says) as error:
        baseline_for(options(file), None)
    assert str(file) in str(error.value)
    assert str(error.value).startswith("--baseline:")


def test_a_baseline_by_hand_needs_verdicts_only(tmp_path: Path) -> None:
    file = tmp_path / "expected.json"
    file.write_text(json.dumps({"baseline": {}, "verdicts": {N: "supported"}}))
    found = baseline_for(options(file), None)
    assert found is not None
    assert found.version is None
    assert compared(found.report, report([row(N, "broken")])).status == 1


def test_a_baseline_that_is_to_be_written_need_not_be_there(tmp_path: Path) -> None:
    assert baseline_for(options(tmp_path / "none.json", update=True), None) is None


# Reports of any findings

WORDS = st.text(max_size=30)
FINDINGS = st.dictionaries(
    st.sampled_from(list(catalogue())),
    st.builds(
        Finding,
        row=st.just(N),
        verdict=st.sampled_from(Verdict),
        reason=WORDS,
        evidence=st.sampled_from(Evidence),
        exchanges=st.lists(st.sampled_from([*(each.id for each in HOSTILE_EXCHANGES), "e0"]), max_size=4).map(tuple),
        model=st.none() | WORDS,
        seconds=st.floats(0, 1e6),
    ),
    max_size=8,
)


@settings(deadline=None, derandomize=True, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(findings=FINDINGS, gone=WORDS, stopped=WORDS, version=st.none() | WORDS, based=st.booleans())
def test_any_findings_make_a_valid_report(
    findings: dict[str, Finding], gone: str, stopped: str, version: str | None, based: bool
) -> None:
    target = Target(kind="ollama", version=version, why="", base_url=URL, embedding_base_url=URL, key="",
                    models={"chat": Model(id="m", digest="")})  # fmt: skip
    measured = Measured(
        target=target, findings=findings, exchanges=HOSTILE_EXCHANGES, started=1.7e9, seconds=1.0, gone=gone,
        stopped=stopped, models={"chat": "m"},
    )  # fmt: skip
    old = Baseline(source="s", version=None, verdicts={}, report=copy.deepcopy(report([row(N, "partial")])))
    made = built(measured, old if based else None)
    assert violations("report", made) == ()
    assert sum(made["counts"].values()) == len(made["rows"]) == len(catalogue())
    assert made["complete"] is (not gone and not stopped and "untested" not in made["counts"])
    assert json.loads(json.dumps(made)) == made
    for each in made["rows"]:
        finding = findings.get(each["id"])
        assert finding is None or each["verdict"] == finding.verdict
    assert all(line.isprintable() for line in matrix(made).split("\n"))


@pytest.mark.parametrize("verdict", Verdict)
def test_a_claim_agrees_with_what_was_seen(verdict: Verdict) -> None:
    there = {"supported": True, "partial": True, "rejected": False, "ignored": False, "broken": False}.get(verdict)
    assert agrees(None, verdict) is None
    assert agrees(True, verdict) is there
    assert agrees(False, verdict) is (None if there is None else not there)


# pytest's outcomes


def outcome_due(verdict: str, expected: str | None, *, required: bool) -> str:
    """How the item ends, said of the words: green is only what is good, and red only what was to be better."""
    if expected in RANKED and verdict in RANKED and RANKED.index(verdict) > RANKED.index(expected):
        return "failed"
    if verdict in ("supported", "partial"):
        return "passed"
    if required and verdict != "not_applicable":
        return "failed"
    return "xfailed" if verdict in RANKED else "skipped"


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("expected", [None, *Verdict])
@pytest.mark.parametrize("verdict", Verdict)
def test_an_item_ends_as_its_verdict_stands_to_what_is_expected(
    verdict: Verdict, expected: Verdict | None, required: bool
) -> None:
    finding = Finding(row=N, verdict=verdict, reason="because\x1b[31m\n" + "y" * 2000)
    outcome, reason = outcome_of(finding, expected, required=required)
    assert outcome == outcome_due(verdict, expected, required=required)
    assert f"{verdict}: because" in reason
    assert reason.isprintable()
    assert len(reason) < 700


# Golden files: see golden.py for how to write them anew


@pytest.mark.parametrize("name", ["report.json", "matrix.md", "summary.txt"])
def test_a_report_looks_as_it_did(name: str) -> None:
    assert rendered()[name] == (FOLDER / name).read_text(encoding="utf-8")
