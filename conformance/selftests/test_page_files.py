"""The pages as files: what `run`, `render` and `compare` write, and what they leave alone."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from conformance.cli.main import main
from conformance.report.files import ReportError, rebuild_index, render_report, write_report
from conformance.report.html.overview import render_overview
from conformance.report.html.page import render_page

from .page_material import ALL, HOSTILE_EXCHANGES, hostile, ordinary, versions
from .reports import report_of

# Reports, and the index of a folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_report(ordinary(), ALL.values(), tmp_path, "one").parent


def test_render_gives_the_same_bytes_again(folder: Path) -> None:
    before = (folder / "index.html").read_bytes()
    (folder / "index.html").unlink()
    assert render_report(folder) == folder
    assert (folder / "index.html").read_bytes() == before
    assert before.decode() == render_page(ordinary(), ALL)


def test_a_run_refreshes_the_index_of_its_folder(folder: Path, tmp_path: Path) -> None:
    assert "one/index.html" in (tmp_path / "index.html").read_text()
    write_report({**ordinary(), "complete": False}, ALL.values(), tmp_path, "two")
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "report.json").write_text("{")
    write_report(versions()[0], (), tmp_path, "four")
    text = (tmp_path / "index.html").read_text()
    assert "four/index.html" in text
    assert "two" not in text
    assert (tmp_path / "two.partial" / "index.html").exists()
    assert folder.exists()


def test_render_of_a_folder_renders_all_of_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    made = [tmp_path / "index.html", folder / "index.html", tmp_path / "copy" / "index.html"]
    before = [file.read_bytes() for file in made[:2]]
    for file in made:
        file.unlink()
    assert main(["render", str(tmp_path)]) == 0
    assert str(tmp_path) in capsys.readouterr().out
    assert made[1].read_bytes() == before[1] == made[2].read_bytes()
    assert "copy/index.html" in made[0].read_text()


def spoiled(report_file: Path, how: str) -> None:
    made = json.loads(report_file.read_text())
    text = {
        "cut": report_file.read_text()[:500],
        "foreign": '{"hello": []}',
        "newer": json.dumps({**made, "format": 99, "suite": {"version": "7.0"}}),
        "wrong": json.dumps({**made, "rows": [{**made["rows"][0], "verdict": "splendid"}]}),
        "binary": None,
    }[how]
    report_file.write_bytes(b"\xff\xfe\x00" if text is None else text.encode())


@pytest.mark.parametrize(("how", "says"), [
    ("cut", "cannot be read"), ("foreign", "not a report of openai-conformance"), ("newer", "written by version 7.0"),
    ("wrong", "damaged"), ("binary", "cannot be read"),
])  # fmt: skip
@pytest.mark.parametrize("named", ["folder", "parent"])
def test_a_report_that_is_none_is_named_and_nothing_changes(
    folder: Path, tmp_path: Path, how: str, says: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "another")
    spoiled(folder / "report.json", how)
    (tmp_path / "another" / "index.html").write_text("as it was")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert main(["render", str(folder if named == "folder" else tmp_path)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert str(folder / "report.json") in said
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("line", ['{"id": "x"}\n', "[]\n", "{\n", '{"id": "x", "call": 7}\n'])
def test_damaged_exchanges_are_named_and_nothing_changes(folder: Path, line: str) -> None:
    before = (folder / "index.html").read_bytes()
    with (folder / "exchanges.jsonl").open("a") as file:
        file.write(line)
    with pytest.raises(ReportError, match="damaged"):
        render_report(folder)
    assert (folder / "index.html").read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": "soon"},
        {"status": {}, "sent": 7},
        {"chunks": [["a", 3]]},
        {"headers": [[1, 2]]},
        {"seconds": float("inf")},
        {"status": True},
        {"failure": "bored"},
        {"sdk_result": {"vector_lengths": ["a"]}},
    ],
)
def test_an_exchange_with_wrong_types_never_spoils_the_page(
    folder: Path, change: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "index.html").read_bytes()
    records = [json.loads(line) for line in (folder / "exchanges.jsonl").read_text().splitlines()]
    lines = [json.dumps({**record, **change}) for record in records]
    (folder / "exchanges.jsonl").write_text("\n".join(lines))
    assert main(["render", str(folder)]) == 2
    assert "exchanges.jsonl is damaged in line 1: " in capsys.readouterr().err
    assert (folder / "index.html").read_bytes() == before


def test_an_error_of_our_own_renderer_is_not_blamed_on_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "index.html").read_bytes()
    monkeypatch.setattr("conformance.report.files.render_matrix", lambda report: report["no such key"])
    with pytest.raises(KeyError, match="no such key"):
        render_report(folder)
    assert (folder / "index.html").read_bytes() == before


def test_a_report_without_its_exchanges_still_renders(folder: Path) -> None:
    (folder / "exchanges.jsonl").unlink()
    render_report(folder)
    assert "why it is partial" in (folder / "index.html").read_text()


def test_an_empty_folder_has_no_index(tmp_path: Path) -> None:
    rebuild_index(tmp_path)
    assert not list(tmp_path.iterdir())


# The command `compare`


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    return [str(write_report(made, (), tmp_path, f"v{number}").parent) for number, made in enumerate(versions())]


def test_compare_prints_each_pair_and_writes_nothing_unasked(
    three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(["compare", *three]) == 1
    said = capsys.readouterr().out
    assert said.index("Better (1)") < said.index("Worse (1)")
    assert said.index("ollama 0.5.0 -> ollama 0.6.0") < said.index("ollama 0.6.0 -> ollama 0.7.0")
    assert sorted(tmp_path.rglob("*")) == before


def test_compare_writes_the_page_that_html_names(
    three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "page.html"
    assert main(["compare", *three, "--html", str(place)]) == 1
    assert f"page: {place}" in capsys.readouterr().out
    text = place.read_text()
    assert 'href="v0/index.html#chat/fields/n"' in text
    assert str(tmp_path) not in text


def test_compare_of_two_ends_with_their_status(
    three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page_file = tmp_path / "elsewhere" / "page.html"
    page_file.parent.mkdir()
    assert main(["compare", *three[:2], "--html", str(page_file)]) == 0
    assert 'href="../v0/index.html' in page_file.read_text()
    assert not list(tmp_path.glob("compare-*"))
    assert "->" in capsys.readouterr().out


def test_compare_as_json(three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *three[:2], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == 0
    assert main(["compare", *three, "--json"]) == 1
    assert [each["status"] for each in json.loads(capsys.readouterr().out)] == [0, 1]
    assert not list(tmp_path.glob("compare-*"))


@pytest.mark.parametrize("place", ["not/there.html", "/dev/null/x.html", "."])
def test_compare_says_where_it_cannot_write(
    three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    page_file = tmp_path / place
    assert main(["compare", *three[:2], "--html", str(page_file)]) == 2
    error = capsys.readouterr().err
    assert f"--html: {page_file} cannot be written: " in error
    assert error.count(str(page_file)) == 1
    assert not re.search(r"Errno|partial", error)


def test_exchanges_survive_the_way_through_a_file(tmp_path: Path) -> None:
    made = hostile()
    before = {each.id: each for each in HOSTILE_EXCHANGES}
    file = write_report(made, HOSTILE_EXCHANGES, tmp_path, "evil")
    assert (file.with_name("index.html")).read_text() == render_page(made, before)


def test_exchanges_of_a_version_that_named_their_members_otherwise_are_told_from_damaged_ones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "exchanges.jsonl").read_text().replace('"chunks"', '"pieces"')
    (folder / "exchanges.jsonl").write_text(lines)
    assert main(["render", str(folder)]) == 2
    assert "was written by a version before 0.2" in capsys.readouterr().err


def test_the_index_tells_reports_of_one_version_apart_by_their_folders() -> None:
    one = report_of({}, kind="gateway", version="1.2.3")
    names = dict.fromkeys(("gateway-1.2.3", "gateway-1.2.3-native", "other"), one)
    page = render_overview(names)
    assert "1.2.3 native" in page
    assert page.count("1.2.3 ") == page.count("1.2.3 native")
