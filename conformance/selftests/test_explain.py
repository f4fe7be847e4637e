"""`openai-conformance explain` and `list`: what decides of an answer, bug reports, patterns, what is refused."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from markdown_it import MarkdownIt

from conformance.cli.main import main
from conformance.errors import UsageError
from conformance.judge.catalog import load_catalog
from conformance.report.files import find_report, write_report
from conformance.report.render.answers import MAX_VALUE_CHARACTERS, summarize_answer
from conformance.report.render.explain import format_curl
from conformance.report.text import fence
from conformance.targets.embedded import child, server
from conformance.wire.exchange import Call, Exchange

from .page_material import CONTROL, HOSTILE, HOSTILE_EXCHANGES, URL, answer, body, exchange, report, row, stream

N, PLAIN, STOP = "chat/fields/n", "chat/fields/n/plain", "chat/fields/stop/string"
TWO = exchange(body(n=2), answer("One only."))
DERIVED = {"probed": "follows from: chat/fields/n/*"}


def made(verdict: str = "ignored", **fields: Any) -> Any:
    rows = [
        row(N, verdict, reason="plain is ignored", **DERIVED),
        row(PLAIN, verdict, exchanges=[CONTROL, TWO], reason="one choice came"),
        row(STOP, exchanges=[CONTROL]),
        row("chat/fields/seed", "inconclusive"),
    ]
    return report(rows, **fields)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose reports are of two versions; the newer run is older as a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    write_report(made(started="2026-11-22T00:00:00+00:00", version="0.6.0"), (CONTROL, TWO), Path("reports"), "new")
    write_report(made("supported", started="2026-11-20T00:00:00+00:00"), (), Path("reports"), "old")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main([*arguments]) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


# What decides of an answer

CALLS = (
    '{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\\"a\\":1}"}}]}}]}'
)
ANSWERS = {
    "content": (answer("Once."), ['content: "Once."', 'finish_reason: "stop"', "usage: null"]),
    "call": (CALLS, ["content: null", 'tool call: f({"a":1})', "finish_reason: null", "usage: null"]),
    "usage": (
        '{"choices":[{"text":"a"}],"usage":{"prompt_tokens":3,"details":{"x":1},"completion_tokens":2}}',
        ['content: "a"', "finish_reason: null", "usage: prompt_tokens 3, completion_tokens 2"],
    ),
    "error": (
        '{"error":{"message":"no","type":"t","param":null}}',
        ['error: "no"', 'error\'s type "t", param null'],
    ),
    "plain error": ('{"error":"no"}', ['error: "no"']),
    "embedding": (
        '{"data":[{"embedding":[1,2,3,4]}],"usage":{"prompt_tokens":1}}',
        ["data: 1 entry: 4 numbers, [1, 2, 3]", "usage: prompt_tokens 1"],
    ),
    "other": ('{"id":"m"}', ['body: {"id": "m"}']),
    "no JSON": ("<html>", ['no JSON (application/json): "<html>"']),
    "nothing": ("", []),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_decides_of_an_answer_is_told(kind: str) -> None:
    text, lines = ANSWERS[kind]
    assert summarize_answer(exchange(body(), text)) == lines


def test_of_a_stream_the_joined_text_and_the_number_of_events_are_told() -> None:
    assert summarize_answer(stream(["Once", " upon"])) == [
        "stream: 2 events and [DONE]", 'content: "Once upon"', "finish_reason: null", "usage: null",
    ]  # fmt: skip


def test_of_responses_items_and_status_are_told() -> None:
    text = '{"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}],"status":"completed"}'
    lines = summarize_answer(Exchange(call=Call(path="/responses"), status=200, chunks=((0.1, text),)))
    assert 'content: "Hi"' in lines
    assert 'status: "completed"; output: "message"' in lines


def test_any_answer_is_told_in_few_harmless_lines() -> None:
    for each in HOSTILE_EXCHANGES:
        lines = summarize_answer(each)
        assert len(lines) < 30
        assert all(line.isprintable() and len(line) <= MAX_VALUE_CHARACTERS + 100 for line in lines)


# explain


@pytest.mark.usefixtures("folder")
def test_a_row_is_explained_with_labels_answers_and_other_reports(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "explain", PLAIN)
    assert "report: reports/new (1 more lie beside it: --report PATH for another)" in text
    assert "ollama 0.6.0, 2026-11-22: IGNORED: one choice came" in text
    assert "other reports: supported in old" in text
    assert text.count("export OPENAI_BASE_URL=http://127.0.0.1:9/v1") == 1
    assert text.index("1. control\n") < text.index("2. treatment (`n`: 2)\n")
    assert '      content: "One only."\n      finish_reason: "stop"\n' in text
    commands = re.findall(r"^   (curl .*)$", text, re.MULTILINE)
    assert len(commands) == 2
    assert all('"$OPENAI_BASE_URL"/chat/completions' in command and URL not in command for command in commands)
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert all(line.startswith(("   curl ", "clause: ", "export ")) for line in wide)


@pytest.mark.usefixtures("folder")
def test_a_derived_row_names_its_parts_and_repeats_no_requests(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "explain", N)
    assert "  chat/fields/n/plain  ignored  one choice came" in text
    assert "curl" not in text


@pytest.mark.usefixtures("folder")
def test_a_report_that_is_named_is_the_one_explained(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "explain", PLAIN, "--report", "reports/old")
    assert "SUPPORTED" in text
    assert "other reports: ignored in new" in text
    assert "there is no report.json at nowhere" in said(capsys, "explain", N, "--report", "nowhere", status=2)


def test_without_any_report_a_row_is_explained_and_an_issue_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "There is no report yet" in said(capsys, "explain", N)
    assert "there is no report.json at reports" in said(capsys, "explain", N, "--issue", status=2)


@pytest.mark.usefixtures("folder")
def test_the_newest_report_is_that_of_the_newest_run() -> None:
    assert find_report(Path("reports")) == Path("reports/new/report.json")
    Path("reports/new/report.json").write_text("{")
    assert find_report(Path("reports")) == Path("reports/old/report.json")


@pytest.mark.parametrize(
    ("asked", "near"),
    [("n", "chat/fields/n, completions/fields/n"), ("n/plain", PLAIN), ("chat/fields/stopp", "chat/fields/stop")],
)
def test_of_an_unknown_row_those_that_end_so_or_are_written_alike_are_suggested(
    asked: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"no row {asked!r}; perhaps: {near}" in said(capsys, "explain", asked, status=2)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/v1/chat/completions", '"$OPENAI_BASE_URL"/chat/completions'),
        ("http://h/api/tags", '"${OPENAI_BASE_URL%/v1}"/api/tags'),
        ("http://h/v1/files/a b", "\"$OPENAI_BASE_URL\"'/files/a b'"),
        ("http://other/v1/x", "http://other/v1/x"),
        ("http://h/v1x/y", '"${OPENAI_BASE_URL%/v1}"/v1x/y'),
    ],
)
def test_a_command_names_the_server_by_a_variable(url: str, shown: str) -> None:
    command = format_curl(Exchange(call=Call(path="/x", method="GET"), url=url), "http://h/v1")
    assert command == f"curl -s -X GET {shown}"
    echo = f"OPENAI_BASE_URL=http://h/v1; printf %s {command.split(' ', 4)[4]}"
    assert subprocess.run(["/bin/sh", "-c", echo], capture_output=True, text=True, check=True).stdout == url


# Bug reports


@pytest.mark.usefixtures("folder")
def test_a_bug_report_says_what_is_expected_what_happens_and_how_to_repeat_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = said(capsys, "explain", N, "--issue")
    assert text.startswith("# `/v1/chat/completions`: `n` is accepted and has no effect\n")
    assert "How many choices are generated." in text
    assert re.search(r"^The clause: https://\S+$", text, re.MULTILINE)
    assert "one choice came" in text
    assert text.index("A request to compare with:") < text.index("The request that shows the fault:")
    blocks = [token.content for token in MarkdownIt().parse(text) if token.type == "fence"]
    commands = [block for block in blocks if block.startswith("curl")]
    assert ["n" in json.loads(shlex.split(command)[-1]) for command in commands] == [False, True]
    assert any("One only." in block for block in blocks)
    assert "- Server: `ollama 0.6.0`" in text
    assert "`openai-conformance 0.1.0` through `openai 3.52.0`" in text


@pytest.mark.parametrize(("name", "why"), [(STOP, "it is supported"), ("chat/fields/seed", "it is inconclusive"),
                                           ("chat/fields/top_p", "does not know this row")])  # fmt: skip
@pytest.mark.usefixtures("folder")
def test_nothing_is_reported_that_was_not_shown(capsys: pytest.CaptureFixture[str], name: str, why: str) -> None:
    text = said(capsys, "explain", name, "--issue", status=2)
    assert "there is nothing to report" in text
    assert why in text


EVIL = "```\n@octocat #1 GH-2 https://evil.invalid <img src=x>\n````\n[a](b)" + HOSTILE


def test_words_of_a_server_are_harmless_in_a_bug_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bad = exchange(body(n=3), answer(EVIL))
    rows = [row(PLAIN, "ignored", exchanges=[CONTROL, bad], reason=EVIL, model=EVIL)]
    write_report(report(rows, kind=f"k{EVIL}", version=EVIL), (CONTROL, bad), Path("reports"), "evil")
    text = said(capsys, "explain", PLAIN, "--issue")
    for token in MarkdownIt().parse(text):
        for part in token.children or ():
            assert part.type not in ("link_open", "html_inline", "image"), part
            assert part.type == "code_inline" or not re.search("octocat|#1|GH-2|evil", part.content), part
        assert token.type != "html_block"
    assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize("text", ["a", "```", "a\n`````\nb", "~~~"])
def test_a_fence_is_not_ended_by_what_it_holds(text: str) -> None:
    [token] = MarkdownIt().parse(fence(text, "json"))
    assert (token.type, token.content, token.info) == ("fence", f"{text}\n", "json")


# list


def test_rows_are_listed_by_a_part_of_their_ids_or_by_a_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    def ids(*arguments: str) -> list[str]:
        return [line.split("\t")[0] for line in said(capsys, "list", *arguments).splitlines()]

    assert ids() == list(load_catalog())
    assert ids("fields/stop") == [name for name in load_catalog() if "fields/stop" in name]
    assert ids("*/fields/stop") == [name for name in load_catalog() if name.endswith("/fields/stop")]
    assert "no row matches 'zzz'" in said(capsys, "list", "zzz", status=2)


def test_rows_are_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = {each["id"]: each for each in json.loads(said(capsys, "list", "chat/fields/", "--json"))}
    one = found[N]
    assert one["clause"].startswith("https://")
    assert {key: one[key] for key in one if key != "clause"} == {
        "id": N, "title": "`n`", "endpoint": "chat", "kind": "fields", "severity": "must", "capability": "chat",
        "documented": True,
    }  # fmt: skip
    assert found[PLAIN]["documented"] is False


# serve


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_refused(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"--port: {port}: give a port from 1 to 65535" in said(capsys, "serve", "--port", str(port), status=2)


def test_a_port_that_is_taken_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port: {port} cannot be had" in said(capsys, "serve", "--port", str(port), status=2)
    server.check_port(0)


def test_the_port_is_that_of_chat_alone() -> None:
    settings = child.Settings(
        weights="w", projector="p", template="t", chat_model="c", embedding_model="e", threads=1, parent=1, port=4711
    )
    assert json.loads(settings.as_line())["port"] == 4711
    chat, embeddings = MagicMock(), MagicMock()
    child._chat_parameters(chat, settings)  # noqa: SLF001 - what llama.cpp is given
    child._shared_parameters(embeddings, settings)  # noqa: SLF001 - of embeddings too
    assert (chat.port, embeddings.port) == (4711, 0)


def test_the_port_that_is_asked_for_reaches_the_start_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def start(*_: Any, port: int, **__: Any) -> Any:
        seen.append(port)
        raise UsageError("stop")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(server, "start", start)
    assert main(["serve", "--port", str(port)]) == 2
    assert seen == [port]


# Help


@pytest.mark.parametrize("name", ["run", "list", "explain", "render", "compare", "docs", "merge", "models", "serve"])
def test_the_help_of_each_command_has_examples_and_a_text_for_each_argument(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    text = capsys.readouterr().out
    assert f"examples:\n  openai-conformance {name}" in text
    assert "exit status: 0" in text
    arguments = re.findall(r"^  ([A-Z]{3,}|-\S.*)$", text, re.MULTILINE)
    assert arguments
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"  (-|[A-Z]{3,}$)", line) and not re.search(r"\S  +\S", line[2:]):
            assert lines[number + 1].startswith("        "), line
