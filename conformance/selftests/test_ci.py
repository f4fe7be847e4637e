"""What a CI sees of a run: JUnit names, summary, annotations, badges, the action, and the documented examples."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import filterfalse
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from conformance.checklist.findings import Finding
from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Verdict
from conformance.probes.endpoints import HEADINGS
from conformance.report.compare import compare
from conformance.report.files import read_report, render_report, write_report
from conformance.report.render.badge import render_badges
from conformance.report.render.github import format_annotations, format_summary, write_ci_summary
from conformance.report.render.junit import render_junit
from conformance.report.render.terminal import outcome_of
from conformance.report.text import clean_line
from conformance.selftests.reports import report_of
from conformance.selftests.servers import CHAT_MODEL, EMBEDDING_MODEL, listening, made

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "\\[a](//b) %0A::error::x\r\n::add-mask::y ##[set-env name=A]b <script>alert(1)</script> `x` [a](http://b) ![i](http://c)"
    " @everyone | \x1b[31m \u202e \ud800 --> ]]> &amp; \x00"
)


# JUnit, and the rest of a run that regressed under GitHub's runner


@pytest.fixture(scope="module")
def regressed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run of two workers under GitHub Actions, one row of which is expected to be better than it is."""
    folder = tmp_path_factory.mktemp("regressed")
    baseline = {"baseline": {"version": "1"}, "verdicts": {"embeddings/fields/user": "supported"}}
    (folder / "baseline.json").write_text(json.dumps(baseline))
    environ = {**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "step.md")}
    with listening(made("strips:user")) as url:
        command = [
            *(sys.executable, "-m", "conformance", "run", "--base-url", url, "-n", "2"),
            *("--model", CHAT_MODEL, "--embedding-model", EMBEDDING_MODEL, "-k", "embeddings/ or models/"),
            *("--junitxml", "junit.xml", "--baseline", "baseline.json"),
        ]
        ended = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
        )
    cases = {case.get("name"): case for case in ET.parse(folder / "junit.xml").iter("testcase")}  # noqa: S314 - our own file
    return {"status": ended.returncode, "output": ended.stdout, "cases": cases, "folder": folder}


def test_rows_have_their_own_names_in_the_file(regressed: dict[str, Any]) -> None:
    cases = regressed["cases"]
    assert cases["models/features/list"].get("classname") == "openai-conformance.models"
    for name, case in cases.items():
        assert case.get("classname") == f"openai-conformance.{name.split('/')[0]}"
    asked = {
        row["id"] for row in read_report(regressed["folder"] / "reports")["rows"] if row["verdict"] != "untested"
    }
    assert set(cases) <= asked
    # A rule that the controller judges, and a row that follows from others, beside those that workers asked.
    assert {"embeddings/response/schema", "embeddings/fields/input"} <= set(cases)


def test_verdict_and_reason_are_seen_in_the_file(regressed: dict[str, Any]) -> None:
    rows = {row["id"]: row for row in read_report(regressed["folder"] / "reports")["rows"]}
    for name, case in regressed["cases"].items():
        told_ = {each.get("name"): each.get("value") for each in case.iter("property")}
        assert told_["verdict"] == rows[name]["verdict"]
        assert told_["reason"] == clean_line(rows[name]["reason"], 600)
    failure = regressed["cases"]["embeddings/fields/user"].find("failure")
    assert failure is not None
    assert "ignored" in failure.get("message", "")
    assert "expected" in failure.get("message", "")


def test_a_regression_is_an_annotation_and_in_the_step_summary(regressed: dict[str, Any]) -> None:
    assert regressed["status"] == 1
    lines = [line for line in regressed["output"].splitlines() if line.lstrip().startswith("::")]
    assert len(lines) == 1
    assert lines[0].startswith("::error title=embeddings/fields/user::supported -> ignored: ")
    summary = (regressed["folder"] / "step.md").read_text()
    assert "### Regressions (1)" in summary
    assert "- `embeddings/fields/user`: supported → **ignored**: " in summary


def test_a_hostile_reason_is_one_line_of_plain_text_in_the_file() -> None:
    finding = Finding(row="chat/fields/n", verdict=Verdict.BROKEN, reason=HOSTILE)
    found = cases_of({**report_of({"chat/fields/n": "broken"}, reasons={"chat/fields/n": HOSTILE})})["chat/fields/n"]
    values = [each.get("value", "") for each in found.iter("property")]
    assert len(values) == 3
    message = found.find("skipped").get("message", "")
    assert message.startswith("broken: \\[a](//b) %0A::error::x  ::add-mask::y ## [set-env")
    for value in (*values, message):
        value.encode()
        assert value.isprintable()
    _, reason = outcome_of(finding, Verdict.SUPPORTED, required=False)
    assert "##[" not in reason
    assert reason.isprintable()


def cases_of(report: Any, **settings: Any) -> dict[str, Any]:
    """Row -> its case, parsed strictly."""
    root = ET.fromstring(render_junit(report, **settings).encode())  # noqa: S314 - our own text
    return {str(case.get("name")): case for case in root.iter("testcase")}


def test_any_character_of_a_reason_leaves_the_file_well_formed() -> None:
    characters = "".join(map(chr, [*range(0x300), *range(0xD7F0, 0xE010), *range(0xFFF0, 0x10010), 0x10FFFF]))
    names = [row["id"] for row in report_of({})["rows"]]
    parts = {name: characters[300 * place : 300 * (place + 1)] for place, name in enumerate(names)}
    cases = cases_of(report_of({}, others="broken", reasons=parts), require_supported=True)
    assert "".join(parts.values()) == characters
    assert "&" in cases[names[0]].find("failure").text
    assert {name for name, case in cases.items() if case.find("failure") is None} == set(
        filterfalse(is_counted, names)
    )


def test_a_suite_per_endpoint_counts_its_cases() -> None:
    made = report_of({"chat/fields/n": "ignored", "chat/fields/seed": "inconclusive"})
    for row in made["rows"]:
        row["seconds"] = 0.25
    suites = {suite.get("name"): suite for suite in ET.fromstring(render_junit(made))}  # noqa: S314 - our own text
    endpoints = dict.fromkeys(row["endpoint"] for row in made["rows"])
    probed = [row for row in made["rows"] if row["probed"] != "not probed yet"]
    assert list(suites) == [f"openai-conformance.{name}" for name in endpoints]
    chat = suites["openai-conformance.chat"]
    count = sum(row["endpoint"] == "chat" for row in probed)
    counts = {name: chat.get(name) for name in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {
        "tests": str(count), "failures": "0", "errors": "0", "skipped": "2", "time": f"{count / 4:.3f}"
    }  # fmt: skip
    assert {case.get("time") for case in chat} == {"0.250"}
    required = ET.fromstring(render_junit(made, require_supported=True))  # noqa: S314 - our own text
    assert next(each.get("failures") for each in required if each.get("name") == chat.get("name")) == "2"


@pytest.mark.parametrize(
    ("reason", "tag"),
    [
        ("not selected in this run", None),
        ("asked by another shard", None),
        ("judged when the shards are merged", None),
        ("the run was interrupted", "skipped"),
        ("our own error: RuntimeError: no", "error"),
    ],
)
def test_an_untested_row_is_a_case_where_the_run_was_to_ask_it(reason: str, tag: str | None) -> None:
    made = report_of({})
    row = next(row for row in made["rows"] if row["id"] == "chat/fields/n")
    row |= {"verdict": "untested", "reason": reason}
    case = cases_of(made, require_supported=True).get("chat/fields/n")
    assert (case is None) == (tag is None)
    if case is not None:
        assert [child.tag for child in case] == ["properties", tag]
        assert case.find(str(tag)).get("message") == f"untested: {reason}"


def test_an_error_of_our_own_that_belongs_to_no_row_is_in_the_file() -> None:
    made = {**report_of({}), "notes": ["an error of our own, so there is no verdict: test_chat.py"]}
    assert cases_of(made)["run"].find("error").get("message") == made["notes"][0]
    assert "run" not in cases_of({**made, "notes": ["text changes with what was asked before"]})


# Annotations


def difference(reasons: dict[str, str], verdict: str = "broken") -> Any:
    return compare(report_of({}), report_of(dict.fromkeys(reasons, verdict), reasons=reasons))


def test_annotations_are_one_command_each_whatever_the_server_says() -> None:
    lines = format_annotations(difference({"chat/fields/n": HOSTILE}))
    assert len(lines) == 1
    assert lines[0].startswith("::error title=chat/fields/n::supported -> broken: \\[a](//b) %250A::error::x")
    assert lines[0].isprintable()
    assert "##[" not in lines[0]


def test_lost_evidence_is_annotated_too_and_improvements_are_not() -> None:
    assert len(format_annotations(difference({"chat/fields/n": "?"}, "inconclusive"))) == 1
    assert format_annotations(compare(report_of({"chat/fields/n": "ignored"}), report_of({}))) == []


def test_many_annotations_are_counted_in_the_last() -> None:
    rows = [row["id"] for row in report_of({})["rows"]][:25]
    lines = format_annotations(difference(dict.fromkeys(rows, "no")))
    assert len(lines) == 10
    assert lines[-1].endswith("::16 more rows are worse than expected; see the report")


# Summary


def test_the_summary_says_what_matters_first() -> None:
    old = report_of({})
    new = report_of({"chat/fields/n": "ignored", "chat/fields/seed": "inconclusive", "chat/fields/model": "rejected"})
    text = format_summary(
        {**new, "baseline": {"source": "b.json", "version": "1"}}, compare(old, new), Path("r/report.json")
    )
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[:4] == [
        "## openai-conformance: ollama 0.32.15",
        "### Regressions (2)",
        "### Evidence lost (1)",
        "### Claimed but not there (1)",
    ]
    assert "| /v1/chat/completions | " in text
    assert "`r/matrix.md`" in text


def test_a_run_as_expected_says_so() -> None:
    report = report_of({})
    text = format_summary(
        {**report, "baseline": {"source": "b.json", "version": None}}, compare(report, report), Path("r")
    )
    assert "As expected: nothing is worse than in b.json (no version)." in text


def test_a_hostile_reason_is_no_markup_in_the_summary() -> None:
    reasons = {"chat/fields/n": HOSTILE}
    new = report_of(dict.fromkeys(reasons, "broken"), reasons=reasons, version="<b>1`|\n# x")
    text = format_summary(new, compare(report_of({}), new), Path("r/report.json"))
    assert text.count("\n#") == text.count("\n###")
    assert "<" not in text
    assert not re.search(r"(?<!\\)(\\\\)*\[", text)  # no bracket without a backslash of its own
    assert "://" not in text.replace(":\u200b//", "")
    assert "@everyone" not in text
    text.encode()


def test_a_summary_stays_below_what_github_shows() -> None:
    rows = [row["id"] for row in report_of({})["rows"]]
    new = report_of({}, others="broken", reasons=dict.fromkeys(rows, "long " * 100_000))
    text = format_summary(new, compare(report_of({}), new), Path("r/report.json"))
    assert len(text.encode()) < 200_000
    assert "more, in the matrix" in text


def test_githubs_file_is_added_to_and_a_named_one_written_anew(tmp_path: Path) -> None:
    report, file = report_of({}), tmp_path / "summary.md"
    file.write_text("before\n")
    write_ci_summary(report, None, Path("r"), named=None, environ={"GITHUB_STEP_SUMMARY": str(file)})
    assert file.read_text().startswith("before\n## openai-conformance")
    write_ci_summary(report, None, Path("r"), named=str(file), environ={"GITHUB_STEP_SUMMARY": str(tmp_path / "no")})
    assert file.read_text().startswith("## openai-conformance")
    assert not (tmp_path / "no").exists()
    assert write_ci_summary(report, None, Path("r"), named=None, environ={}) == []


def test_a_summary_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    lines = write_ci_summary(report_of({}), None, Path("r"), named=str(tmp_path / "a" / "b"), environ={})
    assert lines == [f"warning: --summary: cannot write {tmp_path / 'a' / 'b'}: No such file or directory"]


# Badges


def test_badges_count_and_never_score(tmp_path: Path) -> None:
    rows = [row["id"] for row in report_of({})["rows"] if row["id"].startswith("embeddings/")]
    report = report_of({rows[0]: "ignored", rows[1]: "partial", rows[2]: "inconclusive"})
    made_ = render_badges(report)
    assert json.loads(made_["embeddings.json"]) == {
        "schemaVersion": 1,
        "label": "/v1/embeddings",
        "message": f"{len(rows) - 3} of {len(rows) - 1} supported, 1 partial",
        "color": "orange",
    }
    assert json.loads(made_["models.json"])["color"] == "brightgreen"
    assert set(made_) == {f"{name}.{kind}" for name in (*HEADINGS, "overall") for kind in ("svg", "json")} & set(
        made_
    )
    written = write_report(report, [], tmp_path, None)
    assert {file.name: file.read_text() for file in written.with_name("badges").iterdir()} == made_
    shutil.rmtree(written.with_name("badges"))
    render_report(written)
    assert {file.name: file.read_text() for file in written.with_name("badges").iterdir()} == made_


def test_a_badge_is_an_image_that_refers_to_nothing() -> None:
    for name, text in render_badges(report_of({})).items():
        if name.endswith(".svg"):
            root = ET.fromstring(text)  # noqa: S314 - our own text
            assert root.get("role") == "img"
            assert "supported" in root.get("aria-label", "")
            assert "href" not in text
            assert text.count("http") == 1  # the namespace


def test_badges_of_partial_runs_and_of_nothing_say_so() -> None:
    shard = {"index": 1, "of": 2, "selected": []}
    assert (
        json.loads(render_badges({**report_of({}, shard=shard), "complete": False})["chat.json"])["color"]
        == "lightgrey"
    )
    empty = render_badges(report_of({}, others="not_applicable"))
    assert json.loads(empty["overall.json"])["message"] == "nothing asked"
    assert "chat.svg" not in empty


# The action and the examples


def test_the_action_takes_inputs_as_variables_only() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    assert {"base-url", "model", "baseline", "args"} <= set(action["inputs"])
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert step.get("shell") == ("bash" if "run" in step else None)
    used = " ".join(str(step) for step in action["runs"]["steps"])
    assert set(re.findall(r"inputs\.([\w-]+)", used)) == set(action["inputs"])


def test_the_actions_script_passes_each_input_whole(tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    script = next(step["run"] for step in action["runs"]["steps"] if step.get("name") == "Ask the server")
    stub = tmp_path / "openai-conformance/bin/openai-conformance"
    stub.parent.mkdir(parents=True)
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$RUNNER_TEMP/got"\nexit 1\n')
    stub.chmod(0o755)
    inputs = {
        "INPUT_BASE_URL": "",
        "INPUT_MODEL": "a b; touch pwned",
        "INPUT_BASELINE": "$(touch pwned)",
        "INPUT_ARGS": "--shard 2/5 -k 'chat and not n' --require-supported",
        "INPUT_REPORT_DIR": "my reports",
    }
    environ = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path), **inputs}
    bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    assert subprocess.run(bash, cwd=tmp_path, env=environ, check=False).returncode == 1
    assert (tmp_path / "got").read_text().splitlines() == [
        "run", "--report-dir=my reports", "--junitxml=my reports/junit.xml", "--model=a b; touch pwned",
        "--baseline=$(touch pwned)", "--shard", "2/5", "-k", "chat and not n", "--require-supported",
    ]  # fmt: skip
    assert not (tmp_path / "pwned").exists()


def examples(kind: str) -> dict[str, str]:
    """Heading -> the first example of that kind below it, in the README and in docs/ci.md."""
    found: dict[str, str] = {}
    for section in re.split(r"\n###? ", (ROOT / "README.md").read_text() + (ROOT / "docs/ci.md").read_text()):
        example = re.search(rf"```{kind}\n(.*?)```", section, re.DOTALL)
        if example:
            found[section.partition("\n")[0]] = example[1]
    return found


def test_the_examples_are_ten_lines() -> None:
    blocks = {**examples("yaml"), **examples("sh")}
    for name in ("GitHub", "GitLab", "A plain shell"):
        assert len(blocks[name].splitlines()) <= 10, name


def test_the_yaml_examples_are_what_their_ci_takes() -> None:
    blocks = {name: yaml.safe_load(text) for name, text in examples("yaml").items()}
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    for name in ("GitHub", "Split over jobs"):
        for job in blocks[name]["jobs"].values():
            for step in job["steps"]:
                if "openai-conformance@" in step.get("uses", ""):
                    assert set(step["with"]) <= set(action["inputs"])
    assert blocks["GitLab"]["conformance"]["artifacts"]["reports"]["junit"] == "junit.xml"


def test_the_plain_shell_example_runs(tmp_path: Path) -> None:
    """Its own lines, with a miniature server in place of the Ollama that they install, and a few rows of all."""
    work, bin_ = tmp_path / "work", tmp_path / "bin"
    work.mkdir()
    bin_.mkdir()
    for name in ("curl", "ollama", "pip"):
        (bin_ / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/called"\n')
    (bin_ / "openai-conformance").write_text(
        f'#!/bin/sh\nexec {sys.executable} -m conformance "$@" -k "embeddings/fields" -n 0 '
        f"--embedding-model {EMBEDDING_MODEL}\n"
    )
    for file in bin_.iterdir():
        file.chmod(0o755)
    script = examples("sh")["A plain shell"].replace("qwen3:0.6b", CHAT_MODEL)
    create = examples("sh")["In CI"].replace("--target ollama --prepare", f"--model {CHAT_MODEL}")

    def shell(text: str, url: str = "") -> int:
        path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
        identity = {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environ = {"PATH": path, "HOME": str(tmp_path), "OPENAI_BASE_URL": url, **identity}
        return subprocess.run(["/bin/sh", "-c", text], cwd=work, env=environ, timeout=120, check=False).returncode

    # The few rows are no complete run, which alone begins a baseline.
    (work / "conformance.json").write_text('{"baseline": {}, "verdicts": {}}')
    with listening(made("honours_everything")) as url:
        assert shell(create, url) == 0
    commit = "git add conformance.json && git commit -qm baseline && git remote add origin ."
    assert shell(f"git init -qb main && {commit}") == 0
    with listening(made("honours_everything")) as url:
        assert shell(script, url) == 0
    assert (work / "summary.md").read_text().startswith("## openai-conformance")
    assert "openai-conformance.embeddings" in (work / "junit.xml").read_text()
    with listening(made("strips:dimensions")) as url:
        assert shell(script, url) == 1
    called = (tmp_path / "called").read_text().splitlines()
    assert "ollama serve" in called
    assert f"ollama pull {CHAT_MODEL}" in called
    assert any(line.startswith("pip install git+https:") for line in called)
