"""The command line and the plugin, end to end: what is refused, exit statuses, keys, what pytest's options do."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from .commands import EMBEDDINGS, ROOT, Watched, command, files, reported, verdicts_of
from .servers import CHAT_MODEL, listening, made

NOBODY = "http://127.0.0.1:9/v1"
"""Where nobody listens: a port for which nobody has had a use since 1983."""


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched()


@pytest.fixture(scope="module")
def url(watched: Watched) -> Iterator[str]:
    with listening(watched) as url:
        yield url


@pytest.fixture(scope="module")
def ignoring() -> Iterator[str]:
    with listening(made("ignores_every_field")) as url:
        yield url


def baseline(file: Path, verdicts: Mapping[str, object]) -> None:
    file.write_text(json.dumps({"baseline": {}, "verdicts": verdicts}))


def no_traceback(text: str) -> bool:
    return not any(word in text for word in ("Traceback", "INTERNALERROR", "Error:"))


REFUSED = [
    (("--base-url", NOBODY), "cannot reach http://127.0.0.1:9: ", "(--base-url)"),
    (("--model", ""), "name the model to ask with --model", CHAT_MODEL),
    (("--deadline", "0"), "--deadline: 0: give a number of seconds above 0"),
    (("--deadline", "-1"), "--deadline: -1: give"),
    (("--deadline", "nan"), "--deadline: nan: give"),
    (("--deadline", "abc"), "--deadline: invalid float value: 'abc'"),
    (("-n", "x"), "-n", "'x'"),
    (("--shard", "6/5"), "--shard: '6/5'"),
    (("--target", "nonsense"), "--target", "'nonsense'", "ollama"),
    (("--nonsense",), "--nonsense"),
    (("chat/fields/n",), "unexpected argument 'chat/fields/n'", "-k"),
    (("-x", "reports"), "unexpected argument 'reports'", "-k"),  # -x takes no value
    (("-k", "nothing", "--tb", "no", "reports"), "unexpected argument 'reports'", "-k"),
    (("--report-dir", "damaged.json"), "--report-dir: cannot write to damaged.json"),
    (("--baseline", "missing.json"), "--baseline: missing.json cannot be read"),
    (("--baseline", "damaged.json"), "--baseline: damaged.json cannot be read"),
    (("--baseline", "foreign.json"), "--baseline: foreign.json is not a report of openai-conformance"),
    (("--baseline", "newer.json"), "--baseline: newer.json has format 99", "upgrade openai-conformance"),
    (("--baseline", "verdict.json"), "--baseline: verdict.json holds a verdict that is none", "--update-baseline"),
    (("--baseline", "no-text.json"), "--baseline: no-text.json holds a verdict that is none"),
    (("--baseline", "damaged.json", "--update-baseline"), "--baseline: damaged.json cannot be read"),
    (("--baseline", "damaged.json/new", "--update-baseline"), "--update-baseline: cannot write to damaged.json"),
    (("--baseline", "auto"), "--baseline auto: no baseline of a generic"),
    (("--update-baseline",), "--update-baseline needs --baseline FILE"),
    (("--update-baseline", "--baseline", "new.json", "--shard", "1/2"), "--update-baseline: a shard is no baseline"),
]


@pytest.fixture
def furnished(tmp_path: Path) -> Path:
    """A folder with a report, and with files that are no baseline."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "kept.json").write_text("kept")
    (tmp_path / "reports" / "conftest.py").write_text("raise SystemExit('foreign code was loaded')")
    (tmp_path / "damaged.json").write_text('{"format": 1, "rows": [')
    (tmp_path / "foreign.json").write_text('{"name": "a package"}')
    (tmp_path / "newer.json").write_text('{"format": 99, "rows": [], "suite": {"version": "9.9"}}')
    baseline(tmp_path / "verdict.json", {"chat/fields/n": "splendid"})
    baseline(tmp_path / "no-text.json", {"chat/fields/n": ["supported"]})
    return tmp_path


@pytest.mark.parametrize(("arguments", "named"), [(each[0], each[1:]) for each in REFUSED], ids=lambda each: each[0])
def test_what_cannot_run_ends_with_2_and_says_why(
    furnished: Path, watched: Watched, url: str, arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    before = files(furnished)
    watched.seen.clear()
    given = ("--base-url", url, *(EMBEDDINGS if "--model" not in arguments else ()), *arguments)
    run = command(furnished, "run", *given)
    assert run.status == 2, run.text
    assert all(words in run.text for words in named), run.text
    assert no_traceback(run.text), run.text
    assert files(furnished) == before
    assert not watched.posted, "a model was asked though the run was refused"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_report_folder_without_leave_to_write_is_refused(tmp_path: Path, url: str) -> None:
    (tmp_path / "reports").mkdir(mode=0o500)
    run = command(tmp_path, "run", "--base-url", url, *EMBEDDINGS)
    assert (run.status, no_traceback(run.text)) == (2, True)
    assert "--report-dir: cannot write to reports" in run.text


def test_a_server_that_hangs_is_left_after_the_deadline(tmp_path: Path) -> None:
    with listening(made("hangs")) as hanging:
        run = command(tmp_path, "run", "--base-url", hanging, *EMBEDDINGS, "--deadline", "0.5")
    assert (run.status, no_traceback(run.text)) == (2, True), run.text
    assert "it does not answer in time (--base-url)" in run.text


def test_a_model_that_is_not_there_is_named_with_its_option(tmp_path: Path, url: str) -> None:
    run = command(tmp_path, "run", "--base-url", url, "--model", "wrong")
    assert (run.status, no_traceback(run.text)) == (2, True), run.text
    assert "chat model 'wrong' (--model): status 404" in run.text


def test_a_selection_of_nothing_ends_with_2_and_says_so(tmp_path: Path, url: str) -> None:
    run = command(tmp_path, "run", "--base-url", url, *EMBEDDINGS, "-n", "0", "-k", "typo")
    assert run.status == 2
    assert "-k 'typo' selects no row; openai-conformance list prints them all" in run.text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "usage: openai-conformance"),
        (("nonsense",), "'nonsense'"),
        (("list", "extra"), "no row matches 'extra'"),
        (("list", "chat", "extra"), "unrecognized arguments: extra"),
        (("serve", "--port", "x"), "--port"),
        (("explain",), "ROW"),
        (("explain", "embeddings/fields/dimension"), "perhaps: embeddings/fields/dimensions"),
        (("explain", "chat/fields/n", "--report", "damaged.json"), "damaged.json cannot be read"),
        (("compare", "one"), "NEW"),
        (("compare", "missing", "foreign.json"), "there is no report.json at missing"),
        (("compare", "foreign.json", "damaged.json"), "foreign.json is not a report"),
        (("render", "missing"), "there is no report.json at missing"),
        (("render", "newer.json"), "newer.json has format 99"),
        (("merge", "foreign.json"), "foreign.json"),
        (("docs", "missing.md", "--report", "damaged.json"), "damaged.json cannot be read"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_other_commands_refuse_bad_input_with_2(furnished: Path, arguments: tuple[str, ...], named: str) -> None:
    before = files(furnished)
    run = command(furnished, *arguments)
    assert run.status == 2, run.text
    assert named in run.text
    assert no_traceback(run.text), run.text
    assert files(furnished) == before


ROW = "embeddings/fields/dimensions"


@pytest.mark.parametrize(
    ("verdicts", "arguments", "status", "told"),
    [
        (None, (), 0, "1 ignored"),
        ({ROW: "supported"}, (), 1, f"{ROW}: supported -> ignored"),
        (None, ("--require-supported",), 1, "not supported: 1: exit status 1"),
    ],
)
def test_the_exit_status_tells_whether_a_run_is_as_expected(
    tmp_path: Path, ignoring: str, verdicts: dict[str, str] | None, arguments: tuple[str, ...], status: int, told: str
) -> None:
    if verdicts:
        baseline(tmp_path / "expected.json", verdicts)
        arguments = (*arguments, "--baseline", "expected.json")
    run = command(tmp_path, "run", "--base-url", ignoring, *EMBEDDINGS, "-n", "0", "-k", ROW, *arguments)
    assert run.status == status, run.text
    assert told in run.text
    assert verdicts_of(reported(tmp_path))[ROW][0] == "ignored"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_x_stops_after_the_first_row_that_is_worse(tmp_path: Path, ignoring: str, workers: str) -> None:
    expected = ["embeddings/fields/model", "embeddings/fields/encoding_format", "embeddings/fields/user", ROW]
    baseline(tmp_path / "expected.json", dict.fromkeys(expected, "supported"))
    options = (*EMBEDDINGS, "-n", workers, "-k", "embeddings", "-x", "--baseline", "expected.json")
    run = command(tmp_path, "run", "--base-url", ignoring, *options)
    assert run.status == 1, run.text
    report = reported(tmp_path)
    assert report["notes"] == ["the run ended early: stopping after 1 failures"]
    assert report["complete"] is False
    worse = [name for name in expected if name in verdicts_of(report)]
    assert worse
    if workers == "0":
        assert worse == expected[:1]


def test_update_baseline_of_a_selection_adds_to_a_file_and_begins_none(tmp_path: Path, url: str) -> None:
    options = ("-n", "0", "-k", ROW, "--baseline", "new/expected.json", "--update-baseline")
    run = command(tmp_path, "run", "--base-url", url, *EMBEDDINGS, *options)
    assert run.status == 2, run.text
    assert "warning: --update-baseline: new/expected.json was not written: this run did not ask every row" in run.text
    assert verdicts_of(reported(tmp_path))[ROW][0] == "supported"
    assert not (tmp_path / "new/expected.json").exists()
    baseline(tmp_path / "new/expected.json", {"chat/fields/n": "broken", ROW: "ignored"})
    run = command(tmp_path, "run", "--base-url", url, *EMBEDDINGS, *options)
    assert run.status == 0, run.text
    assert "baseline new/expected.json: 1 rows written, 1 kept" in run.text
    document = json.loads((tmp_path / "new/expected.json").read_text())
    assert document["verdicts"] == {"chat/fields/n": "broken", ROW: "supported"}
    assert "127.0.0.1" not in json.dumps(document)


SELECTION = "embeddings/fields or models/ or chat/fields/stop"
BOTH = ("--model", CHAT_MODEL, *EMBEDDINGS, "-k", SELECTION)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, url: str) -> Path:
    """A run without workers, with what -v shows in `terminal`."""
    folder = tmp_path_factory.mktemp("alone")
    run = command(folder, "run", "--base-url", url, *BOTH, "-n", "0", "-v", "--junitxml", "junit.xml")
    assert run.status == 0, run.text
    (folder / "terminal").write_text(run.text)
    return folder


def foreign(folder: Path) -> dict[str, str]:
    """Fill a folder with what would break or change pytest there; the variables that would do so too."""
    settings = "addopts = --nonsense -k nothing\npython_files = nothing.py\nrequired_plugins = nothing\n"
    for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        (folder / name).write_text(f"[{section}]\n{settings}")
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--nonsense"\n')
    (folder / "conformance").mkdir()
    for name in ("conftest.py", "foreign.py", "conformance/__init__.py", "xdist.py"):
        (folder / name).write_text(f"raise SystemExit('foreign {name} was loaded')\n")
    return {"PYTEST_ADDOPTS": "--nonsense -k nothing", "PYTEST_PLUGINS": "foreign"}


def test_neither_workers_nor_foreign_settings_change_a_run(tmp_path: Path, url: str, alone: Path) -> None:
    environ = foreign(tmp_path)
    run = command(tmp_path, "run", "--base-url", url, *BOTH, "-n", "2", environ=environ)
    assert run.status == 0, run.text
    mine, theirs = reported(alone), reported(tmp_path)
    assert verdicts_of(theirs) == verdicts_of(mine)
    assert theirs["requests"] == mine["requests"]
    assert theirs["counts"] == mine["counts"]


def test_k_selects_rows_v_names_them_and_junitxml_lists_them(alone: Path) -> None:
    verdicts = {name: verdict for name, (verdict, _) in verdicts_of(reported(alone)).items()}
    parts = ("embeddings/fields", "models/", "chat/fields/stop")
    selected = {name for name in verdicts if any(part in name for part in parts)}
    assert {verdicts[name] for name in selected if not name.startswith(("native/", "operations/"))} == {"supported"}
    assert set(verdicts) == selected
    terminal = (alone / "terminal").read_text()
    assert all(f"{verdicts[name]:<14} {name}  " in terminal for name in selected)
    cases = set(re.findall(r'<testcase classname="[^"]+" name="([^"]+)"', (alone / "junit.xml").read_text()))
    assert cases == selected


def test_collect_only_asks_nobody(tmp_path: Path, watched: Watched, url: str) -> None:
    watched.seen.clear()
    run = command(tmp_path, "run", "--base-url", url, *EMBEDDINGS, "--collect-only", "-k", ROW)
    assert run.status == 0
    assert f"[{ROW}]" in run.text
    assert watched.seen == []
    assert files(tmp_path) == {}


LEAKING = ("OPENAI_CUSTOM_HEADERS", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
"""Variables that the SDK would send to any server."""
FROM_ENVIRON, FROM_OPTION = "sk-from-the-environment", "sk-from-an-option"


@pytest.mark.parametrize(
    ("arguments", "environ", "key", "workers"),
    [
        (("--base-url", "{url}"), {}, FROM_ENVIRON, "2"),
        ((), {"OPENAI_BASE_URL": "{url}"}, FROM_ENVIRON, "0"),
        (("--base-url", "{url}", "--api-key", FROM_OPTION), {}, FROM_OPTION, "0"),
        ((), {"OLLAMA_HOST": "{url}"}, None, "0"),
    ],
)
def test_a_key_goes_only_where_it_belongs_and_into_no_file(
    tmp_path: Path, arguments: tuple[str, ...], environ: dict[str, str], key: str | None, workers: str
) -> None:
    server = Watched()
    with listening(server) as url:
        given = [argument.format(url=url) for argument in arguments]
        variables = {name: value.format(url=url) for name, value in environ.items()}
        variables["OPENAI_API_KEY"] = FROM_ENVIRON
        variables |= dict.fromkeys(LEAKING, "X-Zq: zq-leaks")
        options = (
            *EMBEDDINGS,
            "-n",
            workers,
            "-k",
            f"{ROW} or errors/model_not_found",
            "-v",
            "--junitxml",
            "junit.xml",
        )
        run = command(tmp_path, "run", *given, *options, environ=variables)
    assert run.status == 0, run.text
    sent = {name for request in server.seen for name in (FROM_ENVIRON, FROM_OPTION) if name in str(request.headers)}
    assert sent == ({key} if key else set())
    assert not any("zq-leaks" in str(request.headers) for request in server.seen)
    texts = {**files(tmp_path), "terminal": run.text.encode()}
    assert "reports/generic.partial/exchanges.jsonl" in texts
    assert [name for name, text in texts.items() if b"sk-from" in text] == []


def test_plain_pytest_in_a_checkout_does_the_same(tmp_path: Path, ignoring: str) -> None:
    file = tmp_path / "expected.json"
    baseline(file, {ROW: "supported"})
    given = ("--base-url", ignoring, *EMBEDDINGS, "-k", "embeddings/fields", "--baseline", str(file), "-n", "2")
    found = []
    for name, python in (("command", ("conformance", "run")), ("pytest", ("pytest", f"--rootdir={ROOT}", str(ROOT)))):
        folder = tmp_path / name
        folder.mkdir()
        options = () if name == "command" else ("-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider")
        run = command(folder, *given, *options, "--junitxml", "junit.xml", python=python)
        assert run.status == 1, run.text
        report = reported(folder)
        cases = re.findall(r'<testcase classname="[^"]+" name="([^"]+)"', (folder / "junit.xml").read_text())
        found.append((verdicts_of(report), report["requests"], report["counts"], cases))
    assert found[0] == found[1]
    assert ROW in found[0][3]
