"""What each command of `openai-conformance` does. Imports stand where they are needed: `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.checklist.rows import Row

DEFAULT_REPORTS = Path("reports")
"""Where reports lie unless an option says otherwise."""

MAX_SUGGESTIONS = 8


def run(arguments: Sequence[str]) -> int:
    """Ask a server, and write its matrix. `arguments`: those of the command, ours and pytest's own."""
    from . import run_pytest

    return run_pytest.run(arguments)


def merge_reports(options: argparse.Namespace) -> int:
    """Join the shards of a run into its report."""
    from conformance.errors import UsageError
    from conformance.report.files import ReportError
    from conformance.report.merge import merge

    try:
        lines, status = merge(options, os.environ)
    except (ReportError, UsageError) as error:
        return _fail(error)
    _say(*lines)
    return status


def _fail(error: Exception) -> int:
    print(f"openai-conformance: {error}", file=sys.stderr)  # noqa: T201 - the command's own output
    return 2


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201 - the command's own output


def list_rows(options: argparse.Namespace) -> int:
    """Print the rows whose ids a pattern matches, all without one: a line each, or objects of JSON."""
    import json

    from conformance.judge.catalog import load_catalog
    from conformance.report.render.explain import describe_rows

    rows = match_rows(options.pattern, load_catalog())
    if not rows:
        return _fail(ValueError(f"no row matches {options.pattern!r}; openai-conformance list prints all rows"))
    if not options.json:
        _say(*(f"{row.id}\t{row.heading}" for row in rows))
        return 0
    _say(json.dumps(describe_rows(rows), indent=1))
    return 0


def match_rows(pattern: str | None, rows: Mapping[str, Row]) -> list[Row]:
    """Return the rows whose ids hold the pattern, or match it as a whole where it has one of `*?[`."""
    from fnmatch import fnmatchcase

    if not pattern:
        return list(rows.values())
    if any(char in pattern for char in "*?["):
        return [row for name, row in rows.items() if fnmatchcase(name, pattern)]
    return [row for name, row in rows.items() if pattern in name]


def explain(options: argparse.Namespace) -> int:
    """Print what a row means, how it is probed, and what a report found; with --issue a bug report of it."""
    from conformance.errors import UsageError
    from conformance.judge.catalog import load_catalog
    from conformance.judge.derive import expand_parts
    from conformance.report.files import ReportError, find_report, list_reports, read_exchanges, read_report
    from conformance.report.render.explain import explain_row
    from conformance.report.render.issue import format_issue
    from conformance.report.wrapping import terminal_width

    rows = load_catalog()
    if options.row not in rows:
        near = ", ".join(suggest_rows(options.row, rows)) or "openai-conformance list prints all rows"
        return _fail(ValueError(f"no row {options.row!r}; perhaps: {near}"))
    row, width = rows[options.row], terminal_width()
    try:
        if options.report is None and not options.issue and not list_reports(DEFAULT_REPORTS):
            _say(*explain_row(row, None, {}, width=width))  # no report yet: the row can still be explained
            return 0
        file = find_report(options.report or DEFAULT_REPORTS)
        report, exchanges = read_report(file), read_exchanges(file)
        if options.issue:
            _say(*format_issue(row, report, exchanges, rows))
            return 0
    except (ReportError, UsageError) as error:
        return _fail(error)
    siblings = [other for other in list_reports(file.absolute().parent.parent) if not other.samefile(file)]
    which = f"report: {file.parent}" + (
        f" ({len(siblings)} more lie beside it: --report PATH for another)" if siblings else ""
    )
    parts = expand_parts(row, rows)
    others = list_verdicts(row.id, siblings)
    _say(which, "", *explain_row(row, report, exchanges, parts=parts, others=others, width=width))
    return 0


def suggest_rows(wanted: str, rows: Mapping[str, Row]) -> list[str]:
    """Return ids that somebody may have meant: those that end in these parts, else those that are written alike."""
    import difflib

    ends = [name for name in rows if f"/{name}".endswith(f"/{wanted.strip('/')}")]
    return (ends or difflib.get_close_matches(wanted, rows, n=MAX_SUGGESTIONS, cutoff=0.4))[:MAX_SUGGESTIONS]


def list_verdicts(name: str, files: Sequence[Path]) -> dict[str, str]:
    """Return a row's verdict in each report that has one, by the names of their folders, which sort them.

    Nothing else is read of them, so they are not checked as the report that was asked for is.
    """
    import json

    from conformance.checklist.verdicts import Verdict

    found: dict[str, str] = {}
    for file in sorted(files):
        try:
            rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
            found[file.parent.name] = Verdict(next(row["verdict"] for row in rows if row["id"] == name))
        except (KeyError, OSError, RecursionError, StopIteration, TypeError, ValueError):
            continue  # damaged, or from before there was this row
    return found


def render(options: argparse.Namespace) -> int:
    """Write again what is rendered from a report, or from a folder of reports."""
    from conformance.report.files import ReportError, render_report

    try:
        _say(f"written: {render_report(options.report)}")
    except ReportError as error:
        return _fail(error)
    except OSError as error:
        return _fail(OSError(f"REPORT: {options.report} cannot be written to: {error.strerror or error}"))
    return 0


def compare_reports(options: argparse.Namespace) -> int:
    """Print the differences of reports, each against the one before it; --html also writes a page of them."""
    import json

    from conformance.report.compare import compare, format_comparison
    from conformance.report.files import ReportError, find_report, read_report
    from conformance.report.html.side_by_side import write_comparison
    from conformance.report.wrapping import terminal_width

    try:
        files = [find_report(path) for path in (options.old, *options.new)]
        reports = [read_report(file) for file in files]
    except ReportError as error:
        return _fail(error)
    differences = [compare(old, new) for old, new in pairwise(reports)]
    if options.json:
        records = [difference.to_record() for difference in differences]
        _say(json.dumps(records[0] if len(records) == 1 else records, indent=1))
    else:
        for (old, new), difference in zip(pairwise(reports), differences, strict=True):
            _say(*format_comparison(old, new, difference, width=terminal_width()))
    if options.html:
        try:
            place = write_comparison(files, reports, options.html)
        except OSError as error:
            return _fail(_cannot_write("--html", options.html, error))
        _say(*([] if options.json else [f"page: {place}"]))
    return max(difference.status for difference in differences)


def _cannot_write(option: str, file: Path, error: OSError) -> OSError:
    """Return an error that names the option and the file as they were given, and says what would help."""
    if not file.absolute().parent.is_dir():
        return OSError(f"{option}: {file} cannot be written: {file.parent} is not a folder")
    return OSError(f"{option}: {file} cannot be written: {error.strerror or error}")


def manage_models(options: argparse.Namespace) -> int:
    """Put the suite's small models into an Ollama, or take them away."""
    from conformance.errors import UsageError
    from conformance.targets.detect import detect
    from conformance.targets.native_http import native_client
    from conformance.targets.prepare import prepare, remove
    from conformance.targets.selection import choose

    try:
        with native_client() as client:
            choice = choose(
                base_url=options.base_url,
                target="ollama",
                environ=os.environ,
                look=lambda url: detect(client, url),
                forced_by=f"openai-conformance models {options.what} needs an Ollama",
            )
            _say(choice.line)
            if options.what == "remove":
                gone = remove(client, choice.base_url or "", progress=_say)
                _say(f"{len(gone)} models removed")
                return 0
            done = prepare(client, choice.base_url or "", progress=_say)
    except UsageError as error:
        return _fail(error)
    _say(f"{len(done.ready)} models ready, {len(done.failed)} that this server cannot use")
    return 0 if done.ready else 2


def serve_embedded(options: argparse.Namespace) -> int:
    """Start the embedded server, and serve until interrupted."""
    from conformance.errors import UsageError
    from conformance.targets.embedded.server import serve

    try:
        serve(say=_say, port=options.port)
    except UsageError as error:
        return _fail(error)
    return 0


def check_documentation(options: argparse.Namespace) -> int:
    """Lay the checklist of a documentation page against a report, and put it right with --write."""
    from conformance.report.documentation.check import check_page, format_check, read_page, write_page
    from conformance.report.files import ReportError, find_report, read_report
    from conformance.report.wrapping import terminal_width

    try:
        file = find_report(options.report)
        report = read_report(file)
        result = check_page(read_page(options.page), report)
    except OSError as error:
        return _fail(OSError(f"{options.page} cannot be read: {error.strerror or error}; give the page's file"))
    except (ReportError, ValueError) as error:
        return _fail(error)
    target = report["target"]
    server = f"{target['kind']} {target['version'] or ''}".strip()
    _say(f"{options.page} against {server} ({file})")
    _say(*format_check(result, every=options.verbose, width=terminal_width()))
    if options.write is not None:
        out = options.page if options.write == Path() else options.write
        try:
            write_page(out, result.correct())
        except OSError as error:
            return _fail(_cannot_write("--write", out, error))
        _say(f"written: {out}")
    return result.status
