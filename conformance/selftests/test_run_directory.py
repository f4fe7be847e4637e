"""The folder of a run: what one process writes, the others read; and nothing but its class names a file in it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.verdicts import Verdict
from conformance.runner.run_directory import RunDirectory, SelectedItem
from conformance.wire.exchange import Call, Exchange

from .test_layers import HERE, product


def finding(row: str, reason: str = "because") -> Finding:
    return Finding(row=row, verdict=Verdict.IGNORED, reason=reason, exchanges=("e1",))


@pytest.fixture
def workers(tmp_path: Path) -> tuple[RunDirectory, RunDirectory]:
    return RunDirectory(tmp_path, worker="gw0"), RunDirectory(tmp_path, worker="gw1")


def test_a_new_folder_holds_nothing(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    assert (directory.read_findings(), directory.read_selected()) == ({}, {})
    assert (directory.abort_reason, directory.cache_reset_requests) == ("", 0)


def test_what_one_worker_writes_all_others_read(workers: tuple[RunDirectory, RunDirectory]) -> None:
    first, second = workers
    first.append_finding(finding("chat/fields/n"))
    second.append_finding(finding("chat/fields/stop"))
    assert second.read_findings() == {row: finding(row) for row in ("chat/fields/n", "chat/fields/stop")}
    selected = {"chat/fields/n": SelectedItem(node_id="test[x]", location=("test.py", None, "test[x]"))}
    first.write_selected(selected)
    assert second.read_selected() == selected
    first.abort("it is gone \u2603")
    assert second.abort_reason == "it is gone \u2603"
    exchange = Exchange(call=Call(path="/models", method="GET"), status=200)
    first.open_exchange_cache().get_or_send(exchange.call, lambda _: exchange)
    assert list(second.open_exchange_cache().all()) == [exchange]


def test_a_worker_that_is_killed_while_it_writes_loses_the_row_in_hand(
    workers: tuple[RunDirectory, RunDirectory],
) -> None:
    first, second = workers
    first.append_finding(finding("chat/fields/n"))
    (file,) = first.path.glob("findings-*")
    with file.open("a") as lines:
        lines.write('{"row": "chat/fie')
    second.append_finding(finding("chat/fields/stop"))
    assert set(RunDirectory(first.path).read_findings()) == {"chat/fields/n", "chat/fields/stop"}


def test_cache_resets_are_counted_over_all_workers(workers: tuple[RunDirectory, RunDirectory]) -> None:
    for directory in (*workers, workers[0]):
        with directory.isolate_generation():
            directory.count_cache_reset()
    assert RunDirectory(workers[0].path).cache_reset_requests == 3


def test_what_is_torn_in_the_middle_of_writing_leaves_the_old(
    workers: tuple[RunDirectory, RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = workers
    first.abort("the first reason")

    def fail(*_: object) -> None:
        raise OSError("killed")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="killed"):
        second.abort("half a")
    assert RunDirectory(first.path).abort_reason == "the first reason"


def test_the_layout_is_documented(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.append_finding(finding("chat/fields/n"))
    directory.write_selected({})
    directory.abort("gone")
    directory.open_exchange_cache()
    with directory.isolate_generation():
        directory.count_cache_reset()
    names = {re.sub("main", "WORKER", file.name) for file in tmp_path.iterdir()} | {directory.server_logs.name}
    described = set(re.findall(r"^    (\S+?)/?  ", inspect.cleandoc(RunDirectory.__doc__ or ""), re.MULTILINE))
    assert described == names | {"alive.lock"}


def strings_of(file: Path) -> set[str]:
    """The strings of a module that are no docstrings and no sentences."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


OWNER = HERE / "runner" / "run_directory.py"
NAMES = ("alive.lock", "selected.json", "findings-", "abort_reason", "isolation.lock", "cache_reset_requests")


def test_nothing_else_names_a_file_of_a_run() -> None:
    assert all(any(name in text for text in strings_of(OWNER)) for name in NAMES)
    for file in product():
        named = {name for name in NAMES for text in strings_of(file) if text.startswith(name)}
        assert file == OWNER or named == set(), file


def paths_built(file: Path) -> list[str]:
    """Expressions of a module that build a path in the folder of a run."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        text = ast.unparse(node) if isinstance(node, ast.expr) else ""
        slash = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and "directory" in ast.unparse(node.left)
        member = isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("directory.path")
        made = isinstance(node, ast.Call) and ast.unparse(node.func) == "Path" and "directory" in text
        if slash or member or made:
            found.append(text)
    return found


def test_nothing_else_builds_a_path_in_the_folder_of_a_run(tmp_path: Path) -> None:
    for file in product():
        assert file == OWNER or paths_built(file) == [], file
    wrong = tmp_path / "wrong.py"
    wrong.write_text("worker.directory.path / 'x'\nrun.directory.path.joinpath('x')\nPath(settings.directory, 'x')\n")
    assert len(paths_built(wrong)) == 3
