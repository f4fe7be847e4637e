"""Runs that end early: by a signal, by a server that dies, by an error of our own. What was found is kept."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from conformance.runner.run_directory import create_run_directory
from conformance.runner.signals import sigterm_as_keyboard_interrupt

from .commands import (
    EMBEDDINGS,
    PATIENCE,
    ROOT,
    Ended,
    Gate,
    begun,
    command,
    ended,
    group_lives,
    reported,
    verdicts_of,
)
from .servers import listening, made


def wait_until(true: Callable[[], bool]) -> bool:
    """Whether it becomes true before our patience ends."""
    end = time.monotonic() + PATIENCE
    while not (now := true()) and time.monotonic() < end:
        time.sleep(0.02)
    return now


def told_to_end(folder: Path, *arguments: str, number: int, group: bool, count: int) -> Ended:
    """A run that gets a signal while the server holds its requests, `count` of which were answered before.

    The server goes on once the report is written, or the run is gone: nothing is found after the signal.
    """
    gate = Gate(count=count)
    report = folder / "reports" / "generic.partial" / "report.json"
    with listening(gate) as url, begun(folder, "run", "--base-url", url, *EMBEDDINGS, *arguments) as process:
        assert gate.reached.wait(PATIENCE)
        (os.killpg if group else os.kill)(process.pid, number)
        assert wait_until(lambda: report.exists() or process.poll() is not None)
        gate.opened.set()
        end = ended(process)
        assert wait_until(lambda: not group_lives(process.pid)), "processes were left behind"
    return end


def left_behind(folder: Path) -> list[str]:
    """Folders of runs in the temp folder."""
    return [found.name for found in (folder / "temp").glob("openai-conformance-*")]


@pytest.mark.parametrize(
    ("number", "group", "workers"),
    [
        pytest.param(signal.SIGINT, True, "0", id="ctrl-c"),
        pytest.param(signal.SIGINT, True, "2", id="ctrl-c-workers"),
        pytest.param(signal.SIGTERM, False, "0", id="sigterm"),
        pytest.param(signal.SIGTERM, False, "2", id="sigterm-workers"),
        pytest.param(signal.SIGTERM, True, "2", id="sigterm-group"),
    ],
)
def test_an_interrupted_run_keeps_what_it_found(tmp_path: Path, number: int, group: bool, workers: str) -> None:
    whole = tmp_path / "reports" / "generic" / "report.json"
    whole.parent.mkdir(parents=True)
    whole.write_text("a complete report")
    options = ("-n", workers, "-k", "embeddings/fields")
    run = told_to_end(tmp_path, *options, number=number, group=group, count=10)
    assert run.status == 130, run.text
    assert "Traceback" not in run.text
    assert "the run was interrupted; " in run.text.splitlines()[-1]
    report = reported(tmp_path)
    assert (report["complete"], report["notes"]) == (False, ["the run was interrupted"])
    rows = {row["id"]: row for row in report["rows"]}
    assert rows["embeddings/fields/user"]["verdict"] == "untested"
    assert {row["reason"] for row in rows.values() if row["verdict"] == "untested"} == {"the run was interrupted"}
    assert "supported" in {verdict for verdict, _ in verdicts_of(report).values()}
    assert whole.read_text() == "a complete report"
    assert left_behind(tmp_path) == []


def test_a_run_that_is_interrupted_while_it_opens_leaves_nothing(tmp_path: Path) -> None:
    run = told_to_end(tmp_path, number=signal.SIGTERM, group=True, count=0)
    assert (run.status, "Traceback" in run.text) == (130, False), run.text
    assert left_behind(tmp_path) == []
    assert not list(tmp_path.glob("reports/*"))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_server_that_dies_ends_the_run(tmp_path: Path, workers: str) -> None:
    with listening(made("dies_after:14")) as url:
        run = command(tmp_path, "run", "--base-url", url, *EMBEDDINGS, "-n", workers, "-k", "embeddings")
    assert run.status == 2, run.text
    assert f"{url} takes no connections any more" in run.text.splitlines()[-1]
    assert "Traceback" not in run.text
    report = reported(tmp_path)
    assert report["complete"] is False
    reasons = {row["reason"].partition(" any more")[0] for row in report["rows"] if row["verdict"] == "untested"}
    assert reasons == {f"{url} takes no connections"}
    found = {verdict for verdict, _ in verdicts_of(report).values()}
    assert found == {"supported"}
    assert left_behind(tmp_path) == []


ROW = "embeddings/fields/dimensions"
FAILS = """
from conformance.runner.evaluate import ProbeRun
def fail(self):
    {how}
ProbeRun.evaluate = fail
"""


@pytest.mark.parametrize(
    ("how", "workers", "why"),
    [
        ("raise RuntimeError('our fault')", "0", "our own error: RuntimeError: our fault"),
        ("import os; os._exit(9)", "2", "our own error: "),
    ],
    ids=["raises", "kills-its-worker"],
)
def test_a_row_that_we_fail_to_ask_is_untested_and_the_run_ends_with_3(
    tmp_path: Path, how: str, workers: str, why: str
) -> None:
    run = with_plugin(tmp_path, FAILS.format(how=how), "-n", workers)
    assert run.status == 3, run.text
    report = reported(tmp_path)
    assert report["notes"] == [f"an error of our own, so there is no verdict: {ROW}"]
    row = next(row for row in report["rows"] if row["id"] == ROW)
    assert row["verdict"] == "untested"
    assert row["reason"].startswith(why)


@pytest.mark.parametrize(
    "patch",
    [
        "import conformance.runner.controller\nconformance.runner.controller.build_report = None\n",
        "import conformance.runner.items\nconformance.runner.items.rows_of = None\n",
    ],
    ids=["report", "collection"],
)
def test_an_error_of_our_own_ends_with_3(tmp_path: Path, patch: str) -> None:
    run = with_plugin(tmp_path, patch, "-n", "0")
    assert run.status == 3, run.text
    assert "TypeError" in run.text
    assert left_behind(tmp_path) == []


def with_plugin(folder: Path, text: str, *options: str) -> Ended:
    """A run whose code is changed: by a plugin that workers load, too."""
    (folder / "changes.py").write_text(text)
    path = os.pathsep.join((str(ROOT), str(folder)))
    with listening(made("honours_everything")) as url:
        given = ("--base-url", url, *EMBEDDINGS, "-k", ROW, "-p", "changes", *options)
        return command(folder, "run", *given, environ={"PYTHONPATH": path})


def test_folders_of_runs_that_were_killed_are_removed_by_a_later_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made_: dict[str, Path] = {}
    for name, age in (("dead", 7200.0), ("alive", 7200.0), ("young", 0.0), ("foreign", 7200.0)):
        folder = made_[name] = tmp_path / f"openai-conformance-{name}"
        folder.mkdir()
        lock = folder / ("other" if name == "foreign" else "alive.lock")
        lock.touch()
        (folder / "exchanges").mkdir()
        os.utime(lock, (time.time() - age,) * 2)
    with FileLock(made_["alive"] / "alive.lock"):
        os.utime(made_["alive"] / "alive.lock", (time.time() - 7200,) * 2)
        with create_run_directory() as own:
            assert own.path.is_dir()
            assert {name for name, folder in made_.items() if folder.exists()} == {"alive", "young", "foreign"}
    assert not own.path.exists()


def test_sigterm_interrupts_once_and_sighup_stays_ignored() -> None:
    before: Any = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with sigterm_as_keyboard_interrupt():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)  # the second is not heard
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
