"""What `openai-conformance run` shows while it runs, and that pytest's own reporter is not seen."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from conformance.report.render.terminal import Line
from conformance.runner import live
from conformance.runner.live import LiveReporter
from conformance.targets.progress import Step

from .servers import made
from .servers.transport import listening

ROWS = ["chat/fields/n/plain", "chat/fields/n/stream", "completions/fields/echo", "chat/fields/n"]
DERIVED = ROWS[-1]


def row_report(row: str, verdict: str = "ignored", *, when: str = "call", failed: bool = False) -> SimpleNamespace:
    properties = [("verdict", verdict), ("reason", "why it is\x1b[31m so")]
    return SimpleNamespace(nodeid=f"test_x.py::test[{row}]", when=when, user_properties=properties, failed=failed)


def reporting(verbosity: int = 0, *, terminal: bool = False) -> tuple[LiveReporter, io.StringIO]:
    """A reporter that writes to a file in place of standard output."""
    out = io.StringIO()
    reporter = LiveReporter()
    console = Console(file=out, width=100, force_terminal=terminal, color_system=None, highlight=False)
    reporter.show_on(console, verbosity=verbosity, changes=terminal)
    return reporter, out


def ask(reporter: LiveReporter, *rows: str) -> None:
    for row in rows:
        reporter.pytest_runtest_logstart(f"test_x.py::test[{row}]")
        for when in ("setup", "call", "teardown"):
            reporter.pytest_runtest_logreport(row_report(row, when=when))


def test_without_a_terminal_an_endpoint_is_one_line_when_its_last_row_is_asked() -> None:
    reporter, out = reporting()
    reporter.pytest_conformance_selected(ROWS)
    ask(reporter, ROWS[0])
    assert out.getvalue() == ""
    ask(reporter, *ROWS[1:])
    assert out.getvalue().splitlines() == [
        "chat: 2 asked: 2 ignored",
        "completions: 1 asked: 1 ignored",
    ]


def test_v_prints_a_line_per_row_and_nothing_that_steers_a_terminal() -> None:
    reporter, out = reporting(1)
    reporter.pytest_conformance_selected(ROWS)
    reporter.pytest_runtest_logreport(row_report(ROWS[0], failed=True))
    assert out.getvalue() == f"ignored        {ROWS[0]}  worse than expected: why it is [31m so\n"


def test_q_shows_the_end_alone() -> None:
    reporter, out = reporting(-1)
    reporter.pytest_conformance_progress("asking a server")
    reporter.pytest_conformance_selected(ROWS)
    ask(reporter, *ROWS)
    assert out.getvalue() == ""
    reporter.pytest_conformance_finished((Line(text="nothing worse: exit status 0"),))
    assert out.getvalue() == "\nnothing worse: exit status 0\n"


def test_on_a_terminal_one_line_changes() -> None:
    reporter, out = reporting(terminal=True)
    reporter.pytest_conformance_selected(ROWS)
    ask(reporter, *ROWS)
    reporter.pytest_conformance_finished(())
    shown = out.getvalue()
    assert "[0/4]" in shown
    assert f"[1/4] {ROWS[1]}  1 ignored" in shown
    assert f"[4/4] {DERIVED}  4 ignored" in shown
    assert " asked: " not in shown
    assert "\n" not in shown.split("[0/4]")[1].split("[4/4]")[0].replace("\r", "")


def test_the_time_that_is_left_is_told_when_enough_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    reporter, out = reporting(terminal=True)
    now = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    reporter.pytest_conformance_selected(ROWS)
    now[0] += live.MIN_SECONDS_TO_ESTIMATE - 1
    ask(reporter, ROWS[0])
    assert "left" not in out.getvalue()
    now[0] += 6
    ask(reporter, ROWS[1])
    assert "~5 s left" in out.getvalue()


def test_what_takes_a_while_is_told_in_quarters_where_there_is_no_terminal() -> None:
    reporter, out = reporting()
    for percent in range(0, 101, 5):
        reporter.pytest_conformance_progress(Step(f"{percent} of 100 MB", share=percent / 100))
    assert out.getvalue().splitlines() == [f"{part} of 100 MB" for part in (0, 25, 50, 75, 100)]


def test_what_takes_a_while_is_a_bar_on_a_terminal() -> None:
    reporter, out = reporting(terminal=True)
    reporter.pytest_conformance_progress(Step("50 of 100 MB", share=0.5))
    reporter.close()
    assert re.search(r"50 of 100 MB .*━{10}", out.getvalue())


def run_on_a_terminal(*arguments: str, folder: Path) -> tuple[int, str]:
    """Run the command with a pseudo-terminal as its standard output; return its status and what it wrote."""
    main, other = pty.openpty()
    command = [sys.executable, "-m", "conformance", "run", *arguments, "--report-dir", str(folder)]
    with subprocess.Popen(
        command, stdout=other, stderr=other, env=os.environ | {"COLUMNS": "100", "TERM": "xterm-256color"}
    ) as process:
        os.close(other)
        written = b""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if not select.select([main], [], [], 1)[0]:
                continue
            try:
                piece = os.read(main, 65536)
            except OSError:  # Linux says so where the other end is closed
                break
            if not piece:
                break
            written += piece
        else:
            process.kill()
    os.close(main)
    return process.returncode, written.decode(errors="replace")


def test_a_run_on_a_terminal(tmp_path: Path) -> None:
    with listening(made("ignores_every_field"), 0) as url:
        status, text = run_on_a_terminal(
            "--base-url", url, "--model", "m", "-k", "chat/fields/n or chat/fields/stop", "-n", "2", folder=tmp_path
        )
    assert status == 0
    assert re.search(r"\[\d+/\d+\] chat/fields/", text)
    for chrome in ("bringing up nodes", "[gw", "passed", "xfailed", "====", "[100%]"):
        assert chrome not in text
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in text.replace("\r", "").splitlines()]
    assert lines[-1] == "silently ignored fields: 2, broken rows: 0; no baseline: exit status 0"
    assert "  chat: n, stop" in "\n".join(sorted(lines)) or "  chat: stop, n" in lines
