"""`--shard` and `merge`: every row is asked once, and together the shards say what a single run says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Verdict
from conformance.cli.main import main
from conformance.errors import UsageError
from conformance.judge.catalog import load_catalog
from conformance.judge.finalize import finalize_findings, has_regressions
from conformance.report.compare import compare
from conformance.report.files import ReportError, read_exchanges, read_report, write_report
from conformance.report.merge import merge_shards
from conformance.runner.sharding import Shard, rows_in, shard_of
from conformance.selftests.reports import report_of
from conformance.selftests.servers import CHAT_MODEL, EMBEDDING_MODEL, listening, made
from conformance.wire.exchange import Call, Exchange

ROWS = list(load_catalog().values())
ASKED = {row.id for row in ROWS if row.probe}
TIMEOUT_SECONDS = 400
"""How long a run may take on a machine that does other things too."""


@pytest.mark.parametrize("of", [1, 2, 3, 5, 8, 40])
def test_shards_ask_each_row_once(of: int) -> None:
    parts = [rows_in(Shard(index=index, of=of), ROWS) for index in range(1, of + 1)]
    assert sum(map(len, parts)) == len(ASKED)
    assert frozenset().union(*parts) == ASKED


def test_shards_are_about_as_large() -> None:
    sizes = [len(rows_in(Shard(index=index, of=5), ROWS)) for index in range(1, 6)]
    assert max(sizes) < 2 * min(sizes)


def test_a_shard_does_not_depend_on_the_order_of_rows() -> None:
    shard = Shard(index=2, of=5)
    assert rows_in(shard, ROWS) == rows_in(shard, reversed(ROWS))


@pytest.mark.parametrize("text", ["x", "0/5", "6/5", "2", "2/", "/5", "-1/5", "2/5/7", "0/0", "1.5/5", " 1/5"])
def test_what_is_no_shard_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        shard_of(text)


def test_a_bad_shard_ends_with_2_before_any_server_is_asked() -> None:
    ended = run_command("run", "--shard", "6/5", "--base-url", "http://127.0.0.1:9/v1")
    assert ended.returncode == 2
    assert "--shard: '6/5'" in ended.stdout + ended.stderr


def run_command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)


SELECTION = ("-k", "embeddings/fields or models/ or embeddings/response or messages/image")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A single run in `single`, and the same run in three shards below `shards`."""
    folder = tmp_path_factory.mktemp("runs")
    with listening(made("honours_everything")) as url:
        asked = ["run", "--base-url", url, "--model", CHAT_MODEL, "--embedding-model", EMBEDDING_MODEL, *SELECTION]
        commands = [[*asked, "-n", "2", "--report-dir", "single", "--junitxml", "single.xml"]]
        commands += [[*asked, "-n", "0", "--shard", f"{index}/3", "--report-dir", "shards"] for index in (1, 2, 3)]
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "conformance", *command],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for command in commands
        ]
        outputs = [process.communicate(timeout=TIMEOUT_SECONDS)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0], outputs
    return folder


def found(path: Path) -> dict[str, tuple[str, str]]:
    return {row["id"]: (row["verdict"], row["reason"]) for row in read_report(path)["rows"]}


def test_shards_say_that_they_are_no_whole_run(runs: Path) -> None:
    for index in (1, 2, 3):
        report = read_report(runs / f"shards/generic.shard-{index}-of-3")
        assert report["complete"] is False
        assert (report["shard"]["index"], report["shard"]["of"], report["shard"]["ended"]) == (index, 3, "")
        reasons = {row["reason"] for row in report["rows"] if row["verdict"] == "untested"}
        assert reasons == {
            "asked by another shard",
            "judged when the shards are merged",
            "not selected in this run",
        }


def test_merged_shards_are_the_single_run(runs: Path) -> None:
    assert main(["merge", str(runs / "shards"), "--report-dir", str(runs / "merged")]) == 0
    single, whole = runs / "single/generic.partial", runs / "merged/generic.partial"
    assert found(whole) == found(single)
    assert compare(read_report(single), read_report(whole)).to_record()["status"] == 0
    assert "shard" not in read_report(whole)
    names = set(read_exchanges(whole))
    assert all(set(row["exchanges"]) <= names for row in read_report(whole)["rows"])
    asked = sum(read_report(file)["requests"] for file in runs.glob("shards/*/report.json"))
    assert read_report(whole)["requests"] == asked == len(names)


def test_each_finding_keeps_the_answer_it_rests_on(runs: Path) -> None:
    """Shards asked the same control: the merged report holds each answer, for the rows that saw it."""
    whole = merge_shards([runs / "shards"])
    by_id = {exchange.id: exchange for exchange in whole.exchanges}
    for index in (1, 2, 3):
        file = runs / f"shards/generic.shard-{index}-of-3"
        theirs = read_exchanges(file)
        for row in read_report(file)["rows"]:
            if row["id"] in whole.findings and row["verdict"] != "untested":
                texts = [theirs[name].text for name in row["exchanges"]]
                assert [by_id[name].text for name in whole.findings[row["id"]].exchanges] == texts


def test_merging_is_held_to_a_baseline(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = tmp_path / "baseline.json"
    command = ["merge", str(runs / "shards"), "--report-dir", str(tmp_path / "r"), "--baseline", str(baseline)]
    # Shards of a selection are no complete run, even when they are all there.
    assert main([*command, "--update-baseline"]) == 2
    assert "warning: --update-baseline: " in capsys.readouterr().out
    assert not baseline.exists()
    assert (tmp_path / "r/generic.partial/report.json").exists()
    baseline.write_text(json.dumps({"baseline": {}, "verdicts": {"chat/fields/n": "supported"}}))
    assert main([*command, "--update-baseline"]) == 0
    count = sum(verdict != "untested" for verdict, _ in found(tmp_path / "r").values())
    document = json.loads(baseline.read_text())
    assert f"baseline {baseline}: {len(document['verdicts']) - 1} rows written, 1 kept" in capsys.readouterr().out
    assert 30 < len(document["verdicts"]) - 1 <= count
    assert document["verdicts"]["chat/fields/n"] == "supported"
    assert main(command) == 0
    document["verdicts"]["chat/fields/seed"] = "supported"  # not selected: says nothing
    baseline.write_text(json.dumps(document))
    assert main(command) == 0
    capsys.readouterr()
    # A row that follows from others was expected to be there: evidence is lost, and only the merge can see it.
    untold = "chat/fields/messages/image"
    document["verdicts"][untold] = "supported"
    baseline.write_text(json.dumps(document))
    assert main(command) == 1
    assert f"{untold}: supported -> not_applicable" in capsys.readouterr().out


def test_merged_shards_have_a_junit_file_too(runs: Path, tmp_path: Path) -> None:
    baseline = {"baseline": {}, "verdicts": {"chat/fields/messages/image": "supported"}}
    (tmp_path / "expected.json").write_text(json.dumps(baseline))
    file = tmp_path / "new" / "junit.xml"
    for spelled in ("--junitxml", "--junit-xml"):
        command = ["merge", str(runs / "shards"), "--report-dir", str(tmp_path / "r"), f"{spelled}={file}"]
        assert main([*command, "--baseline", str(tmp_path / "expected.json")]) == 1
        cases = {case.get("name"): case for case in ET.parse(file).iter("testcase")}  # noqa: S314 - our own file
        file.unlink()
    failed = [name for name, case in cases.items() if case.find("failure") is not None]
    assert failed == ["chat/fields/messages/image"]
    assert "embeddings/response/schema" in cases  # a rule, which only the merge can judge
    single = ET.parse(runs / "single.xml")  # noqa: S314 - our own file
    assert set(cases) == {case.get("name") for case in single.iter("testcase")}


def test_a_missing_shard_is_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [str(runs / f"shards/generic.shard-{index}-of-3") for index in (1, 3)]
    assert main(["merge", *parts, "--report-dir", str(runs / "none")]) == 2
    assert "missing: shard 2/3; there: 1/3, 3/3" in capsys.readouterr().err
    assert not list((runs / "none").glob("*"))


def test_a_shard_that_is_there_twice_is_named(runs: Path, tmp_path: Path) -> None:
    first = runs / "shards/generic.shard-1-of-3"
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "report.json").write_bytes((first / "report.json").read_bytes())
    with pytest.raises(ReportError, match="shard 1/3 is there twice"):
        merge_shards([runs / "shards", copy])
    assert merge_shards([runs / "shards", first]).report["rows"]  # the same file named twice is one


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"target": {"kind": "ollama"}}, "by server: generic and ollama"),
        ({"target": {"version": "9.9"}}, "by version of the server: None and 9.9"),
        ({"target": {"models": {}}}, "by models: {"),
        ({"suite": {"version": "0.0.9"}}, "by version of the suite: "),
        ({"suite": {"sdk": "openai 1.0"}}, "by SDK: openai "),
        ({"shard": {"of": 4}}, "by number of shards: 3 and 4"),
        ({"shard": {"selected": ["chat/fields/n"]}}, "by selection of rows"),
    ],
)
def test_shards_of_different_runs_are_refused(
    runs: Path, tmp_path: Path, change: dict[str, dict[str, object]], named: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    report = read_report(runs / "shards/generic.shard-2-of-3")
    of = change.get("shard", {}).get("of", 3)
    report = {**report, **{part: {**report[part], **values} for part, values in change.items()}}
    (other / "report.json").write_text(json.dumps(report))
    parts = [runs / "shards/generic.shard-1-of-3", other, runs / "shards/generic.shard-3-of-3"]
    with pytest.raises(ReportError, match=re.escape(f"shards 1/3 and 2/{of} are of different runs, {named}")):
        merge_shards(parts)


def test_what_is_no_shard_is_not_merged(tmp_path: Path) -> None:
    whole = write_report(report_of({}), [], tmp_path / "r", None)
    with pytest.raises(ReportError, match="is the report of no shard"):
        merge_shards([whole])
    with pytest.raises(ReportError, match=r"no shard's report\.json"):
        merge_shards([tmp_path / "r"])
    with pytest.raises(ReportError, match=r"there is no report\.json at"):
        merge_shards([tmp_path / "nothing"])


def test_a_shard_that_ended_early_makes_the_whole_partial(runs: Path, tmp_path: Path) -> None:
    parts = [runs / f"shards/generic.shard-{index}-of-3" for index in (1, 2)]
    third = runs / "shards/generic.shard-3-of-3"
    report = read_report(third)
    report["shard"]["ended"] = "the server takes no connections any more"
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "report.json").write_text(json.dumps(report))
    (cut / "exchanges.jsonl").write_bytes((third / "exchanges.jsonl").read_bytes())
    whole = merge_shards([*parts, cut])
    assert whole.report["complete"] is False
    assert whole.report["notes"] == [
        "the run ended early: shard 3/3: the server takes no connections any more",
    ]
    assert main(["merge", *map(str, parts), str(cut), "--report-dir", str(tmp_path / "r")]) == 2


def test_what_the_shards_say_of_the_target_is_said_once(runs: Path, tmp_path: Path) -> None:
    parts = []
    for index in (1, 2, 3):
        shard = runs / f"shards/generic.shard-{index}-of-3"
        report = read_report(shard)
        report["target"]["notes"] = ["ours:latest cannot be used on this server: load: 500"]
        parts.append(tmp_path / str(index))
        parts[-1].mkdir()
        (parts[-1] / "report.json").write_text(json.dumps(report))
        (parts[-1] / "exchanges.jsonl").write_bytes((shard / "exchanges.jsonl").read_bytes())
    assert merge_shards(parts).report["notes"] == ["ours:latest cannot be used on this server: load: 500"]


def answer(name: str, repetition: int, started: float) -> Exchange:
    call = Call(path="/chat/completions", body={"model": "m", "messages": []}, repetition=repetition)
    body = {"id": name, "object": "chat.completion", "choices": []}
    return Exchange(call=call, status=200, chunks=((0.1, json.dumps(body)),), started=started, seconds=0.1)


def unique(*shards: list[Exchange]) -> Finding:
    row = "chat/response/ids_unique"
    answers = [exchange for shard in shards for exchange in shard]
    return finalize_findings({}, answers, shards=shards, models=["chat"], selected=[row])[row]


def test_two_servers_may_give_the_same_id_but_one_may_not() -> None:
    first = [answer("a", 0, 1.0), answer("b", 1, 2.0)]
    again = [answer("a", 2, 1.0), answer("c", 3, 2.0)]
    assert unique([*first, *again]).verdict is Verdict.BROKEN
    assert unique(first, again).verdict is Verdict.SUPPORTED
    twice = [answer("d", 4, 1.0), answer("d", 5, 2.0)]
    assert unique(first, again, twice).verdict is Verdict.BROKEN
    assert unique([answer("a", 0, 1.0)], [answer("a", 2, 1.0)]).verdict is Verdict.INCONCLUSIVE
    assert unique([answer("a", 0, 1.0)], [answer("b", 2, 1.0)]).verdict is Verdict.SUPPORTED


def test_derived_rows_follow_whatever_the_order_of_findings() -> None:
    def derived(names: list[str]) -> dict[str, Finding]:
        findings = {
            name: Finding(row=name, verdict=Verdict.SUPPORTED if len(name) % 2 else Verdict.REJECTED, reason="")
            for name in names
        }
        return finalize_findings(findings, [], models=[], selected=[], rules=False)

    names = sorted(row.id for row in ROWS if not row.derived_from)
    assert derived(names) == derived(names[::-1])
    assert {row.id for row in ROWS if row.derived_from} <= set(derived(names))


def test_worse_than_expected_and_lost_evidence_are_told_from_the_rest() -> None:
    found_ = {"a": Finding(row="a", verdict=Verdict.REJECTED, reason="")}
    lost = {"a": Finding(row="a", verdict=Verdict.INCONCLUSIVE, reason="")}
    assert has_regressions(found_, {"a": Verdict.SUPPORTED}.get)
    assert not has_regressions(found_, {"a": Verdict.IGNORED}.get)
    assert not has_regressions(found_, {}.get)
    assert has_regressions(lost, {"a": Verdict.BROKEN}.get)
    assert has_regressions(found_, {}.get, required=True)
