"""Reports as data: comparisons, baselines, pytest's outcomes, golden files."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.checklist import packaged_data
from conformance.checklist.claims import claims_of
from conformance.checklist.findings import Finding
from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.errors import UsageError
from conformance.judge.catalog import load_catalog
from conformance.judge.expectation import explain_step
from conformance.judge.schema import violations
from conformance.report.baseline import Baseline, baseline_for, format_baseline, update_baseline
from conformance.report.build import MIN_SHARED_CAUSE, RunResult, agrees, build_report
from conformance.report.compare import MIN_ALIKE_ROWS, compare, format_comparison, format_difference
from conformance.report.documentation.match import match_checkboxes
from conformance.report.documentation.parse import find_checkboxes, find_notes
from conformance.report.html.page import render_page
from conformance.report.render.markdown import render_matrix
from conformance.report.render.terminal import outcome_of
from conformance.report.wrapping import wrap_line
from conformance.targets.ollama import Model
from conformance.targets.opening import Target

from .golden import FOLDER, rendered
from .page_material import HOSTILE_EXCHANGES, report, row
from .reports import URL, report_of

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
    found = compare(*pair(old, new))
    named = {group: [change.row for change in getattr(found, group)] for group in GROUPS}
    group = group_of(old, new)
    assert {name: rows for name, rows in named.items() if rows} == ({group: [N]} if group else {})
    assert found.status == (1 if group in ("regressions", "lost_evidence") else 0)
    assert found.untested == 0
    shown = "\n".join(format_difference(found))
    assert (f"  {N}  {old} -> {new}" in shown) == (group is not None and None not in (old, new))
    assert ("lacks (1): nothing to compare them with" in shown) == (group in ("new_rows", "removed_rows"))
    assert ("No differences: 0 regressions." in shown) == (group is None)


@pytest.mark.parametrize("other", ["supported", "broken", "untested", None])
def test_a_row_that_one_of_two_did_not_ask_says_nothing(other: str | None) -> None:
    for old, new in (("untested", other), (other, "untested")):
        found = compare(*pair(old, new))
        assert found.untested == 1
        assert not any(getattr(found, group) for group in GROUPS)
        assert found.status == 0
        assert "1 row was not asked in one of the two" in "\n".join(format_difference(found))


def changed(count: int, old: str, new: str, *, reasons: int = 99) -> list[Any]:
    """Two reports in which so many rows differ, and have so many different reasons."""
    names = [name for name in load_catalog() if name.startswith("chat/fields/")][:count]
    return [
        report([row(name, verdict, reason=f"why {number % reasons}") for number, name in enumerate(names)])
        for verdict in (old, new)
    ]


def test_of_a_comparison_the_worst_comes_first_and_both_sides_are_counted() -> None:
    verdicts = {"a": ("supported", "rejected"), "b": ("supported", "broken"), "c": ("broken", "supported")}
    old, new = (
        report([row(f"chat/fields/{name}", both[side]) for name, both in verdicts.items()]) for side in (0, 1)
    )
    lines = format_difference(compare(old, new))
    assert lines[0] == "2 regressions, 1 better."
    order = [line.split()[0] for line in lines if line.startswith("  chat/")]
    assert order == ["chat/fields/b", "chat/fields/a", "chat/fields/c"]
    assert lines.index("Worse (2)") < lines.index("Better (1)")


@pytest.mark.parametrize(("old", "new"), [("broken", "ignored"), ("ignored", "rejected"), ("rejected", "broken")])
def test_a_change_from_one_fault_to_another_says_why_it_is_better_or_worse(old: str, new: str) -> None:
    shown = "\n".join(format_difference(compare(*pair(old, new))))
    assert f"{explain_step(Verdict(old), Verdict(new))}; r" in shown
    assert explain_step(Verdict.SUPPORTED, Verdict(new)) == explain_step(None, Verdict(new)) == ""


@pytest.mark.parametrize("width", [80, 100, 160])
def test_lines_of_a_comparison_are_as_wide_as_the_terminal_and_break_no_id(width: int) -> None:
    old, new = changed(30, "supported", "ignored")
    for made in new["rows"]:
        made["reason"] += " word" * 80
    found = compare(old, new)
    lines = format_comparison(old, new, found, width=width)
    assert max(map(len, lines)) <= width
    assert all(any(change.row in line for line in lines) for change in found.regressions)
    assert any(line.endswith("…") for line in lines)
    assert not any("word" * 2 in line for line in lines)


def test_a_word_longer_than_the_terminal_is_wide_is_not_broken() -> None:
    assert wrap_line(f"at {'x' * 60} and", 40, hanging="  ") == ["at", f"  {'x' * 60}", "  and"]


def test_rows_that_changed_alike_for_one_reason_are_listed_together() -> None:
    lines = format_difference(compare(*changed(MIN_ALIKE_ROWS, "supported", "ignored", reasons=1)))
    assert f"  {MIN_ALIKE_ROWS} rows supported -> ignored: why 0" in lines
    alone = format_difference(compare(*changed(MIN_ALIKE_ROWS - 1, "supported", "ignored", reasons=1)))
    assert sum("why 0" in line for line in alone) == MIN_ALIKE_ROWS - 1


def test_a_comparison_begins_with_who_is_compared() -> None:
    old, new = pair("supported", "ignored")
    new["target"]["version"] = "0.6.0"
    lines = format_comparison(old, new, compare(old, new), width=100)
    assert lines[:2] == ["ollama 0.5.1 -> ollama 0.6.0", "models of both: m"]
    assert not any("ANOTHER SERVER" in line for line in lines)
    new["target"] |= {"kind": "vllm", "models": {"chat": {"id": "k", "digest": None, "base_url": URL}}}
    lines = format_comparison(old, new, compare(old, new), width=100)
    assert lines[0] == "ollama 0.5.1 -> vllm 0.6.0"
    assert lines[1].startswith("ANOTHER SERVER: vllm 0.6.0 is compared with ollama 0.5.1;")
    assert {"models of ollama 0.5.1: m", "models of vllm 0.6.0: k"} <= set(lines)


def test_another_reason_is_no_regression() -> None:
    old, new = pair("broken", "broken")
    new["rows"][1]["reason"] = "another"
    found = compare(old, new)
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
    found = compare(*reports)
    assert found.changed_models == (("chat",) if said else ())
    assert ("Another model answered for chat" in "\n".join(format_difference(found))) == said


# Baselines


def options(file: Path, *, update: bool = False) -> Any:
    return SimpleNamespace(baseline=str(file), update_baseline=update)


def test_a_baseline_is_sorted_a_row_per_line_and_read_as_written(tmp_path: Path) -> None:
    made = report([row("chat/fields/stop", "broken"), row(N), row("chat/fields/seed", "untested")])
    file = tmp_path / "new" / "expected.json"
    assert update_baseline(file, made) == f"baseline {file}: 2 rows written, 0 kept"
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
    assert compare(found.report, made).status == 0


def models(*names: str, digest: str | None = "d1") -> dict[str, Any]:
    return {name: {"id": f"{name}-model", "digest": digest, "base_url": "http://127.0.0.1:4711/v1"} for name in names}


def targets(rows: list[Any], *, complete: bool, **target: Any) -> Any:
    made = report(rows, complete=complete)
    made["target"].update(target)
    return made


def written(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text())["verdicts"])


STOP, SEED, GONE, IMAGES = "chat/fields/stop", "chat/fields/seed", "chat/fields/gone", "images/fields/n"
BEFORE = {N: "supported", STOP: "supported", SEED: "broken", GONE: "ignored", IMAGES: "rejected"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A baseline as earlier versions wrote it, with an address."""
    file = tmp_path / "expected.json"
    about = {"kind": "ollama", "version": "0.5.0", "models": models("chat", "vision")}
    file.write_text(json.dumps({"baseline": about, "verdicts": BEFORE}))
    return file


def unprobed(name: str) -> dict[str, Any]:
    return row(name, "not_applicable", probed="not probed yet")


def test_a_run_that_is_not_complete_keeps_all_other_rows(old: Path) -> None:
    rows = [row(N, "ignored"), row(STOP, "untested"), unprobed(IMAGES), unprobed("images/fields/size"), row("a/b/c")]
    line = update_baseline(old, targets(rows, complete=False, models=models("chat", digest="d2")))
    assert line == f"baseline {old}: 2 rows written, 4 kept"
    assert written(old) == {**BEFORE, N: "ignored", "a/b/c": "supported"}


def test_only_a_complete_run_drops_rows_and_only_those_that_the_suite_has_no_more(old: Path) -> None:
    rows = [row(N, "ignored"), row(STOP), row(SEED), unprobed(IMAGES), unprobed("images/fields/size")]
    line = update_baseline(old, report(rows, complete=True))
    assert line == f"baseline {old}: 4 rows written, 1 kept"
    new = {N: "ignored", STOP: "supported", SEED: "supported", IMAGES: "rejected"}
    assert written(old) == {**new, "images/fields/size": "not_applicable"}


def test_a_run_that_is_not_complete_does_not_begin_a_baseline(tmp_path: Path) -> None:
    file = tmp_path / "new" / "expected.json"
    with pytest.raises(UsageError, match=r"expected\.json was not written: .* write it with a complete run"):
        update_baseline(file, report([row(N)], complete=False))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_baseline_is_not_written_over(old: Path) -> None:
    old.write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        update_baseline(old, report([row(N)], complete=True))
    assert old.read_text() == "{"


def test_a_baseline_tells_nothing_of_the_machine(old: Path) -> None:
    update_baseline(old, targets([row(N)], complete=False, models=models("chat", "tools", digest="d2")))
    about = json.loads(old.read_text())["baseline"]
    ids = {"chat": "d2", "vision": "d1", "tools": "d2"}  # rows that stay were found on the models that stay
    assert about == {
        "kind": "ollama", "version": "0.5.1",
        "models": {name: {"id": f"{name}-model", "digest": digest} for name, digest in ids.items()},
    }  # fmt: skip
    found = baseline_for(options(old), None)
    assert found is not None
    assert compare(found.report, report([row(N)])).changed_models == ("chat",)


def test_a_baseline_of_an_earlier_version_is_read(old: Path) -> None:
    found = baseline_for(options(old), None)
    assert found is not None
    assert found.verdicts == BEFORE


@pytest.mark.parametrize("file", sorted(packaged_data.folder("baselines").glob("*.json")), ids=lambda file: file.stem)
def test_a_shipped_baseline_is_as_we_write_it_now(file: Path) -> None:
    document = json.loads(file.read_text())
    assert file.read_text() == format_baseline(document["baseline"], document["verdicts"])
    assert set(document["baseline"]) == {"kind", "version", "models"}
    assert {key for model in document["baseline"]["models"].values() for key in model} == {"id", "digest"}
    assert "://" not in file.read_text()


@pytest.mark.parametrize("kind", ["llama.cpp", "llama-cpp-python", "ollama", "vllm", "litellm"])
def test_auto_finds_the_baseline_of_an_older_version_of_the_same_kind(kind: str) -> None:
    wanted = SimpleNamespace(baseline="auto", update_baseline=False)
    found = baseline_for(wanted, {"kind": kind, "version": "9999.1"})
    assert found is not None
    assert found.report["target"]["kind"] == kind
    with pytest.raises(UsageError, match=f"no baseline of a {kind} older than 0.0.1"):
        baseline_for(wanted, {"kind": kind, "version": "0.0.1"})


@pytest.mark.parametrize("named", [None, "", "auto"])
def test_a_baseline_to_write_has_a_name(named: str | None) -> None:
    with pytest.raises(UsageError, match="--update-baseline needs --baseline FILE"):
        baseline_for(SimpleNamespace(baseline=named, update_baseline=True), {"kind": "ollama", "version": "9"})


BAD = {
    "missing": (None, "cannot be read"),
    "empty": ("", "cannot be read"),
    "cut": ('{"baseline": {', "cannot be read"),
    "deep": ("[" * 100_000, "cannot be read"),
    "foreign": ('{"hello": 1}', "not a report of openai-conformance"),
    "list": ("[]", "not a report of openai-conformance"),
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
    with pytest.raises(UsageError, match=says) as error:
        baseline_for(options(file), None)
    assert str(error.value).count(str(file)) == 1
    assert "Errno" not in str(error.value)
    assert str(error.value).startswith("--baseline:")


def test_a_baseline_by_hand_needs_verdicts_only(tmp_path: Path) -> None:
    file = tmp_path / "expected.json"
    file.write_text(json.dumps({"baseline": {}, "verdicts": {N: "supported"}}))
    found = baseline_for(options(file), None)
    assert found is not None
    assert found.version is None
    assert compare(found.report, report([row(N, "broken")])).status == 1


def test_a_baseline_that_is_to_be_written_need_not_be_there(tmp_path: Path) -> None:
    assert baseline_for(options(tmp_path / "none.json", update=True), None) is None


# Nesting

NESTED = ["chat/fields/messages", "chat/fields/messages/turns", "chat/fields/messages/system/parts",
          "chat/fields/messages/turns/many/three", "chat/fields/messages_extra/one"]  # fmt: skip


def test_a_row_is_nested_below_those_of_its_ancestors_that_are_rows() -> None:
    made = report([row(name) for name in NESTED], claims=None)
    boxes = [line.partition(" —")[0] for line in render_matrix(made).splitlines() if "- [x]" in line]
    assert boxes == [
        "- [x] `messages`",
        "  - [x] `turns`",
        "  - [x] `messages/system`, `parts`",  # nothing is `messages/system`
        "    - [x] `messages/turns/many`, `three`",
        "- [x] `messages_extra`, `one`",
    ]
    levels = re.findall(r'<details class="row d(\d)"', render_page(made, {}))
    assert levels == ["0", "1", "1", "2", "0"]


# The documentation's page, mirrored


def mirrored(release: str) -> tuple[str, str]:
    """matrix.md of a report in which all rows are partial: the documentation's page, and what it does not name."""
    words = {"completions/fields/prompt": "string is supported, array partial"}
    text = render_matrix(report_of({}, others="partial", reasons=words, version=release.removeprefix("v")))
    page, _, rest = text.partition("## The documentation's page\n")[2].partition("## What the page does not name\n")
    return page, rest


@pytest.mark.parametrize("release", ["v0.6.8", "v0.13.5", "v0.24.0", "v0.32.15", "v0.34.4"])
def test_the_matrix_mirrors_the_page_and_then_tells_the_rest(release: str) -> None:
    claims = claims_of("ollama", release)
    assert claims is not None
    page, rest = mirrored(release)
    boxes = [box for box in claims.boxes if not box.note]
    boxes.sort(key=lambda box: box.row.startswith("responses/"))  # last on each of these pages, images before
    lines = [line for line in page.splitlines() if " — " in line]
    page = re.sub(" — .*", "", page)
    assert [box.row for box in match_checkboxes(find_checkboxes(page), by_position=False)] == [
        box.row for box in boxes
    ]
    assert [box.wording for box in find_checkboxes(page)] == [box.wording for box in boxes]
    notes = [note.text for note in find_notes(page)]
    assert notes == [box.wording for box in claims.boxes if box.note and "/notes/" in box.row]
    assert len(lines) == len(boxes) + len(notes)
    named = {box.row for box in boxes} | {box.row for box in claims.boxes if "/notes/" in box.row}
    others = [name for name in load_catalog() if is_counted(name) and name not in named]
    assert len(re.findall(r"^ *- \[x\] .* — partial\b", rest, re.MULTILINE)) == len(others)


def test_the_headings_of_the_matrix_are_those_of_the_page_of_its_release() -> None:
    headings = {release: re.findall("^### (.*)$", mirrored(release)[0], re.MULTILINE) for release in REAL_HEADINGS}
    assert headings == REAL_HEADINGS


_FIRST = ["`/v1/chat/completions`", "`/v1/completions`", "`/v1/models`", "`/v1/models/{model}`", "`/v1/embeddings`"]
REAL_HEADINGS = {
    "v0.6.8": _FIRST,
    "v0.13.5": [*_FIRST, "`/v1/responses`"],
    "v0.24.0": [*_FIRST, "`/v1/images/generations` (experimental)", "`/v1/responses`"],
    "v0.32.15": [*_FIRST, "`/v1/responses`"],
    "v0.34.4": [*_FIRST, "Responses API"],
}


def test_a_model_has_one_line_however_many_roles_it_has_and_the_legend_only_what_is_used() -> None:
    made = report_of({}, others="partial")
    made["target"]["models"]["tools"] = dict(made["target"]["models"]["chat"])
    text = render_matrix(made)
    assert "- Model `mini` (0123456789ab): chat, tools\n" in text
    legend = text.partition("A box is ticked")[2].partition("##")[0]
    assert re.findall("^- ([a-z ]+):", legend, re.MULTILINE) == ["partial"]


# Reports of any findings

WORDS = st.text(max_size=30)
FINDINGS = st.dictionaries(
    st.sampled_from(list(load_catalog())),
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
    target = Target(kind="ollama", version=version, selection_reason="", base_url=URL, embedding_base_url=URL, key="",
                    models={"chat": Model(id="m", digest="")})  # fmt: skip
    measured = RunResult(
        target=target.record(), findings=findings, exchanges=HOSTILE_EXCHANGES, started=1.7e9, seconds=1.0, gone=gone,
        stopped=stopped, models={"chat": "m"},
    )  # fmt: skip
    old = Baseline(source="s", version=None, verdicts={}, report=copy.deepcopy(report([row(N, "partial")])))
    made = build_report(measured, old if based else None)
    assert violations("report", made) == ()
    assert sum(made["counts"].values()) == len([row for row in made["rows"] if is_counted(row["id"])])
    assert [row["id"] for row in made["rows"]] == list(load_catalog())
    assert made["complete"] is (not gone and not stopped and "untested" not in made["counts"])
    assert json.loads(json.dumps(made)) == made
    for each in made["rows"]:
        finding = findings.get(each["id"])
        assert finding is None or each["verdict"] == finding.verdict
    assert all(line.isprintable() for line in render_matrix(made).split("\n"))


@pytest.mark.parametrize("verdict", Verdict)
def test_a_claim_agrees_with_what_was_seen(verdict: Verdict) -> None:
    there = {"supported": True, "partial": True, "rejected": False, "ignored": False, "broken": False}.get(verdict)
    assert agrees(None, verdict) is None
    assert agrees(True, verdict) is there
    assert agrees(False, verdict) is (None if there is None else not there)


# pytest's outcomes: which ones, see test_expectation.py


def test_the_reason_of_an_outcome_is_one_short_line() -> None:
    for verdict in Verdict:
        finding = Finding(row=N, verdict=verdict, reason="because\x1b[31m\n" + "y" * 2000)
        _, reason = outcome_of(finding, Verdict.SUPPORTED, required=False)
        assert f"{verdict}: because" in reason
        assert reason.isprintable()
        assert len(reason) < 700


# Golden files: see golden.py for how to write them anew


@pytest.mark.parametrize("name", ["report.json", "matrix.md", "summary.txt"])
def test_a_report_looks_as_it_did(name: str) -> None:
    assert rendered()[name] == (FOLDER / name).read_text(encoding="utf-8")


def test_a_cause_that_many_rows_share_is_told_once_before_all_else():
    names = list(load_catalog())
    broken = dict.fromkeys(names[:MIN_SHARED_CAUSE], "broken")
    few = dict.fromkeys(names[20 : 19 + MIN_SHARED_CAUSE], "rejected")
    reasons = dict.fromkeys(broken, "status 500: no content") | dict.fromkeys(few, "refused with 400")
    assert report_of(broken | few, reasons=reasons)["notes"] == [
        f"{MIN_SHARED_CAUSE} rows are broken for one cause: status 500: no content"
    ]
    assert report_of({}, reasons=dict.fromkeys(names, "the same"))["notes"] == []
