"""The command `openai-conformance`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.runner.options import OPTIONS

EXITS = """\
exit status: 0 as expected; 1 worse than expected, or evidence lost; 2 could not run; 3 our own error; 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    if rest and options.command != "run":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return int(options.act(options, rest))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="openai-conformance",
        description="Which fields of the OpenAI API does this server honour, and which does it silently ignore?",
        epilog=EXITS,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_run(commands)
    one = commands.add_parser("list", help="print all rows")
    one.set_defaults(act=_list)
    one = commands.add_parser("explain", help="what a row means, how it is probed, and what was found")
    one.add_argument("row", metavar="ROW")
    one.add_argument(
        "--report", type=Path, default=Path("reports"), metavar="PATH", help="a report (default: newest)"
    )
    one.set_defaults(act=_explain)
    one = commands.add_parser(
        "render", help="write again what is rendered from a report, or from a folder of reports"
    )
    one.add_argument("report", type=Path, nargs="?", default=Path("reports"), metavar="REPORT")
    one.set_defaults(act=_render)
    one = commands.add_parser(
        "compare", help="the differences of two reports or more, and a page of them", epilog=EXITS
    )
    one.add_argument("old", type=Path, metavar="OLD")
    one.add_argument("new", type=Path, metavar="NEW", nargs="+", help="more than one: neighbours are compared")
    one.add_argument("--json", action="store_true", help="print them as JSON; a page is only written with --html")
    one.add_argument("--html", type=Path, metavar="FILE", help="the page (default: beside the folder of the last)")
    one.set_defaults(act=_compare)
    _add_docs(commands)
    _add_merge(commands)
    one = commands.add_parser("models", help="put the suite's small models into an Ollama, or take them away")
    one.add_argument("what", choices=("prepare", "remove"))
    one.add_argument("--base-url", metavar="URL", help="the Ollama (default: OLLAMA_HOST, else its default port)")
    one.set_defaults(act=_models)
    one = commands.add_parser("serve", help="start the embedded server for use by hand")
    one.set_defaults(act=_serve)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="ask a server, and write its matrix",
        description="Ask a server, and write its matrix. pytest's own options work too: -k, -n, -x ...",
        epilog=EXITS,
        allow_abbrev=False,
    )
    for option in OPTIONS:
        run.add_argument(option.flag, *option.aliases, help=option.help, **option.settings)
    run.set_defaults(act=_run)


def _run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from .run_pytest import run

    return run(options, rest)


def _add_docs(commands: Any) -> None:
    docs = commands.add_parser(
        "docs",
        help="lay the checklist of a documentation page against a report",
        epilog="exit status: 0 no box is wrong; 1 boxes are wrong (also where --write put them right); 2 cannot",
    )
    docs.add_argument("page", type=Path, metavar="FILE", help="the page: Ollama's docs/openai.md, or a translation")
    docs.add_argument(
        "--report", type=Path, default=Path("reports"), metavar="PATH", help="a report (default: newest)"
    )
    docs.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="OUT",
        help="write the page with its boxes put right, in its place or to OUT; nothing else is changed",
    )
    docs.set_defaults(act=_docs)


def _docs(options: argparse.Namespace, _rest: Sequence[str]) -> int:
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


_MERGE_OPTIONS = (
    "report_dir", "name", "baseline", "update_baseline", "require_supported", "summary", "junitxml",
)  # fmt: skip


def _add_merge(commands: Any) -> None:
    merge = commands.add_parser("merge", help="join the shards of a run into its report", epilog=EXITS)
    merge.add_argument("shards", type=Path, nargs="+", metavar="DIR", help="a shard's report, or a folder of them")
    for option in OPTIONS:
        if option.name in _MERGE_OPTIONS:
            merge.add_argument(option.flag, *option.aliases, help=option.help, **option.settings)
    merge.set_defaults(act=_merge)


def _merge(options: argparse.Namespace, _rest: Sequence[str]) -> int:
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


def _list(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    from conformance.judge.catalog import load_catalog

    _say(*(f"{row.id}\t{row.heading}" for row in load_catalog().values()))
    return 0


def _explain(options: argparse.Namespace, _rest: Sequence[str]) -> int:
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


def _render(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    from conformance.report.files import ReportError, render_report

    try:
        _say(f"written: {render_report(options.report)}")
    except ReportError as error:
        return _fail(error)
    return 0


def _compare(options: argparse.Namespace, _rest: Sequence[str]) -> int:
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


def _models(options: argparse.Namespace, _rest: Sequence[str]) -> int:
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


def _serve(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    from conformance.errors import UsageError
    from conformance.targets.embedded.server import serve

    try:
        serve(say=_say)
    except UsageError as error:
        return _fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
