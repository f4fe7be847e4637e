"""What each command of `openai-conformance` does. Imports stand where they are needed: `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path


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


def list_rows(_options: argparse.Namespace) -> int:
    """Print all rows."""
    from conformance.judge.catalog import load_catalog

    _say(*(f"{row.id}\t{row.heading}" for row in load_catalog().values()))
    return 0


def explain(options: argparse.Namespace) -> int:
    """Print what a row means, how it is probed, and what a report found."""
    import difflib

    from conformance.judge.catalog import load_catalog
    from conformance.report.files import ReportError, find_report, read_exchanges, read_report
    from conformance.report.render.explain import explain_row

    rows = load_catalog()
    if options.row not in rows:
        close = difflib.get_close_matches(options.row, rows, n=5, cutoff=0.4)
        return _fail(
            ValueError(f"no row {options.row!r}; perhaps: {', '.join(close) or 'see openai-conformance list'}")
        )
    report, exchanges = None, {}
    try:
        find_report(options.report)
    except ReportError:
        pass  # no report yet: the row can still be explained
    else:
        try:
            report, exchanges = read_report(options.report), read_exchanges(options.report)
        except ReportError as error:
            return _fail(error)
    _say(*explain_row(rows[options.row], report, exchanges))
    return 0


def render(options: argparse.Namespace) -> int:
    """Write again what is rendered from a report, or from a folder of reports."""
    from conformance.report.files import ReportError, render_report

    try:
        _say(f"written: {render_report(options.report)}")
    except ReportError as error:
        return _fail(error)
    return 0


def compare_reports(options: argparse.Namespace) -> int:
    """Print the differences of reports, each against the one before it, and write a page of them."""
    import json

    from conformance.report.compare import compare, format_difference
    from conformance.report.files import ReportError, find_report, read_report
    from conformance.report.html.side_by_side import write_comparison

    paths = [options.old, *options.new]
    try:
        files = [find_report(path) for path in paths]
        reports = [read_report(file) for file in files]
    except ReportError as error:
        return _fail(error)
    differences = [compare(old, new) for old, new in pairwise(reports)]
    if options.json:
        records = [difference.to_record() for difference in differences]
        _say(json.dumps(records[0] if len(records) == 1 else records, indent=1))
    for (old, new), difference in zip(pairwise(paths), differences, strict=True):
        if not options.json:
            _say(*([f"{old} -> {new}", ""] if len(differences) > 1 else []), *format_difference(difference))
    try:
        if options.html or not options.json:
            place = write_comparison(files, reports, options.html)
            _say(*([] if options.json else [f"page: {place}"]))
    except OSError as error:
        if options.html:
            return _fail(error)
        _fail(OSError(f"no page was written: {error}"))
    return max(difference.status for difference in differences)


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


def serve_embedded(_options: argparse.Namespace) -> int:
    """Start the embedded server, and serve until interrupted."""
    from conformance.errors import UsageError
    from conformance.targets.embedded.server import serve

    try:
        serve(say=_say)
    except UsageError as error:
        return _fail(error)
    return 0


def check_documentation(options: argparse.Namespace) -> int:
    """Lay the checklist of a documentation page against a report, and put it right with --write."""
    from conformance.report.documentation.check import check_page, format_check, read_page, write_page
    from conformance.report.files import ReportError, find_report, read_report

    try:
        report = read_report(options.report)
        result = check_page(read_page(options.page), report)
        target = report["target"]
        _say(f"{options.page} against {target['kind']} {target['version'] or ''} ({find_report(options.report)})", "")
        _say(*format_check(result))
        if options.write is not None:
            out = options.page if options.write == Path() else options.write
            write_page(out, result.correct())
            _say(f"written: {out}")
    except (ReportError, OSError, ValueError) as error:
        return _fail(error)
    return result.status
