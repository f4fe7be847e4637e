"""The end of a run or a merge: its report is written, with every file that an option names beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.wire.exchange import Exchange

from .baseline import Baseline, update_baseline
from .compare import Difference, compare
from .files import check_writable, write_report
from .render.github import write_ci_summary
from .render.junit import write_junit
from .render.terminal import Line, format_summary
from .wrapping import terminal_width


@dataclass(frozen=True, kw_only=True)
class Published:
    """What was written, and what is to be printed."""

    report: Path
    lines: Sequence[Line]
    difference: Difference | None
    refused: bool
    """Whether a file that an option names was not written: exit status 2, though the report is there."""


def check_outputs(options: Any) -> None:
    """Make the folders of the report and of the JUnit file, before a run whose end they would spoil.

    Raises:
        UsageError: one cannot be written to.
    """
    check_writable(Path(options.report_dir))
    if options.junitxml:
        check_writable(Path(options.junitxml).parent, "--junitxml")


def publish(
    report: Mapping[str, Any],
    exchanges: Iterable[Exchange],
    expected: Baseline | None,
    *,
    options: Any,
    environ: Mapping[str, str],
    hints: Sequence[str] = (),
) -> Published:
    """Write the report, the CI's summary, the JUnit file and the baseline, as the options say.

    `options`: report_dir, name, summary, junitxml, baseline, update_baseline and require_supported. `hints`: what
    would cover more rows. The report comes first: what cannot be written after it takes nothing from it.

    Raises:
        ReportError: the report does not obey its own schema.
    """
    written = write_report(report, exchanges, Path(options.report_dir), options.name)
    difference = compare(expected.report, report) if expected else None
    lines = format_summary(
        report,
        written,
        hints,
        difference=difference,
        baseline=expected.report["target"] if expected else None,
        width=terminal_width(),
        required=options.require_supported,
    )
    said = write_ci_summary(report, difference, written, named=options.summary, environ=environ)
    lines += [Line(text=text) for text in said]
    refused = False
    try:
        if options.junitxml:
            write_junit(Path(options.junitxml), report, require_supported=options.require_supported)
    except UsageError as error:
        lines.append(Line(text=f"warning: {error}", tone="bad"))
        refused = True
    try:
        if options.update_baseline:
            lines.append(Line(text=update_baseline(Path(options.baseline), report)))
    except UsageError as error:
        lines.append(Line(text=f"warning: {error}", tone="bad"))
        refused = True
    return Published(report=written, lines=lines, difference=difference, refused=refused)
