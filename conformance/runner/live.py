"""What `openai-conformance run` shows while it runs, in place of pytest's own reporter.

On a terminal, one line that changes; elsewhere a line per endpoint. With -v a line per row, with -q the end alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.report.render.terminal import Line, Tone
from conformance.report.text import clean_line
from conformance.report.wrapping import terminal_width, wrap_line
from conformance.targets.progress import Step

from .items import row_id

TONES: dict[Tone, str] = {"plain": "", "heading": "bold", "bad": "bold red", "good": "green", "dim": "dim"}
"""Tone of a line -> rich's style."""

_VERDICT_STYLES = {
    "supported": "green", "partial": "yellow", "rejected": "magenta", "ignored": "red", "broken": "bold red",
}  # fmt: skip

_COUNTED_ALOUD = (Verdict.IGNORED, Verdict.BROKEN)
"""Verdicts that the changing line counts."""

MIN_SECONDS_TO_ESTIMATE = 5.0
MIN_SHARE_TO_ESTIMATE = 0.05
"""From where on the time that is left is told: before, the first rows say too little."""


class LiveReporter:
    """A plugin of the controller: shows progress, and the lines that end the run."""

    def __init__(self) -> None:
        """Begin before pytest has read its options."""
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._live: Live | None = None
        self._verbosity = 0
        self._quarter = -1
        self._started = time.monotonic()
        self._row = ""
        self._asked: frozenset[str] = frozenset()
        """Rows that workers ask; the others are judged at the end."""
        self._selected = 0
        self._done: dict[str, str] = {}
        """Row -> verdict, of those that have one."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take the place of pytest's own reporter, but where it is asked for a list."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if config.option.collectonly or reporter is None:
            return
        config.pluginmanager.unregister(reporter)
        colors = {"yes": True, "no": False}.get(config.option.color)
        changes = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        console = Console(
            file=sys.stdout,
            force_terminal=True if colors else None,
            no_color=True if colors is False else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self.show_on(console, verbosity=config.option.verbose, changes=changes)

    def show_on(self, console: Console, *, verbosity: int, changes: bool) -> None:
        """Show what comes there. `verbosity`: as pytest counts -v and -q. `changes`: whether a line may change."""
        self._console = console
        self._verbosity = verbosity
        self._live = Live(console=console, auto_refresh=False, transient=True) if changes and verbosity >= 0 else None

    def pytest_conformance_progress(self, text: str) -> None:
        """Show what is done before the first row: how far a thing is as a bar, or as a line for each quarter."""
        if self._verbosity < 0:
            return
        said = clean_line(text, 300)
        if not isinstance(text, Step):
            self._print(said)
        elif self._live is not None:
            self._show(self._draw_bar(said, text.share))
        elif (quarter := int(4 * text.share)) != self._quarter:
            self._quarter = quarter
            self._print(said)

    def pytest_conformance_selected(self, rows: Sequence[str]) -> None:
        """Learn which rows the run is about, once the first of them can be asked."""
        catalog = load_catalog()
        self._selected = len(rows)
        self._asked = frozenset(row for row in rows if catalog[row].probe is not None)
        self._started = time.monotonic()
        self._show(self._draw_rows())

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show which row is asked."""
        self._row = row_id(nodeid)
        self._show(self._draw_rows())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of a row's verdict."""
        told = dict(report.user_properties)
        row = row_id(report.nodeid)
        if report.when != "call" or "verdict" not in told or row in self._done:
            return
        verdict = str(told["verdict"])
        self._done[row] = verdict
        if self._verbosity > 0:
            self._print_row(row, verdict, str(told.get("reason", "")), failed=report.failed)
        elif self._live is None and self._verbosity == 0 and row in self._asked:
            self._print_endpoint(row.partition("/")[0])
        self._show(self._draw_rows())

    def _print_row(self, row: str, verdict: str, reason: str, *, failed: bool) -> None:
        worse = "worse than expected: " if failed else ""
        text = Text(f"{verdict:<14} ", style=_VERDICT_STYLES.get(verdict, "dim"))
        self._console.print(text.append(f"{row}  {worse}{clean_line(reason)}", style="default"), soft_wrap=True)

    def _print_endpoint(self, endpoint: str) -> None:
        """Print a line about an endpoint, once all of its rows that are asked have a verdict."""
        rows = [row for row in self._asked if row.startswith(f"{endpoint}/")]
        if all(row in self._done for row in rows):
            counts = Counter(self._done[row] for row in rows)
            said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
            self._print(f"{endpoint}: {len(rows)} asked: {said}")

    def pytest_internalerror(self, excrepr: Any) -> bool:
        """Show an error of pytest's, or of our own, that nothing else catches."""
        self.close()
        sys.stderr.write("".join(f"INTERNAL ERROR> {line}\n" for line in str(excrepr).splitlines()))
        return True

    def pytest_conformance_finished(self, summary: Sequence[Line]) -> None:
        """Print the lines that end the run."""
        self.close()
        if summary:
            self._print("")
        for line in summary:
            self._console.print(Text(line.text, style=TONES[line.tone]), soft_wrap=True)

    def close(self) -> None:
        """Take the changing line away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, text: str) -> None:
        for line in wrap_line(text, terminal_width(), hanging="  ") if text else [""]:
            self._console.print(Text(line), soft_wrap=True)

    def _show(self, drawn: Table | Text) -> None:
        if self._live is None:
            return
        if not self._live.is_started:
            self._live.start()
        self._live.update(drawn, refresh=True)

    def _draw_bar(self, text: str, share: float) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_row(Text(text, overflow="ellipsis", no_wrap=True), ProgressBar(total=1, completed=share, width=30))
        return table

    def _draw_rows(self) -> Text:
        """Return the line: how many rows of how many, which one, what was found, how long it may take."""
        counts = Counter(self._done.values())
        parts = [f"[{len(self._done)}/{self._selected}] {clean_line(self._row)}"]
        parts += [f"{counts[verdict]} {verdict}" for verdict in _COUNTED_ALOUD if counts[verdict]]
        if left := self._seconds_left():
            parts.append(f"~{left:.0f} s left")
        line = Text("  ".join(parts), no_wrap=True, overflow="ellipsis")
        line.truncate(terminal_width() - 1, overflow="ellipsis")
        return line

    def _seconds_left(self) -> float:
        """Return how long the rows that are left may take; 0 where that is not to be told yet."""
        asked = sum(row in self._asked for row in self._done)
        elapsed = time.monotonic() - self._started
        if not self._asked or asked < MIN_SHARE_TO_ESTIMATE * len(self._asked) or elapsed < MIN_SECONDS_TO_ESTIMATE:
            return 0.0
        return elapsed / asked * (len(self._asked) - asked)
