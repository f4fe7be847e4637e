"""The command `openai-conformance`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.options import OPTIONS

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
    one = commands.add_parser("render", help="write again what is rendered from a report")
    one.add_argument("report", type=Path, nargs="?", default=Path("reports"), metavar="REPORT")
    one.set_defaults(act=_render)
    one = commands.add_parser("compare", help="the differences of two reports", epilog=EXITS)
    one.add_argument("old", type=Path, metavar="OLD")
    one.add_argument("new", type=Path, metavar="NEW")
    one.add_argument("--json", action="store_true", help="print them as JSON")
    one.set_defaults(act=_compare)
    _add_merge(commands)
    one = commands.add_parser("serve", help="start the embedded server for use by hand")
    one.set_defaults(act=_serve)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="ask a server, and write its matrix",
        description="Ask a server, and write its matrix. pytest's own options work too: -k, -n, -x, --junitxml ...",
        epilog=EXITS,
        allow_abbrev=False,
    )
    for option in OPTIONS:
        run.add_argument(option.flag, help=option.help, **option.settings)
    run.set_defaults(act=_run)


def _run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from conformance.command import run

    return run(options, rest)


def _add_merge(commands: Any) -> None:
    merge = commands.add_parser("merge", help="join the shards of a run into its report", epilog=EXITS)
    merge.add_argument("shards", type=Path, nargs="+", metavar="DIR", help="a shard's report, or a folder of them")
    for option in OPTIONS:
        if option.name in ("report_dir", "name", "baseline", "update_baseline", "require_supported", "summary"):
            merge.add_argument(option.flag, help=option.help, **option.settings)
    merge.set_defaults(act=_merge)


def _merge(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    from conformance.merge import merge
    from conformance.report.files import ReportError
    from conformance.targets.errors import TargetError

    try:
        lines, status = merge(options, os.environ)
    except (ReportError, TargetError) as error:
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
    from conformance.judge.catalogue import catalogue

    _say(*(f"{row.id}\t{row.heading}" for row in catalogue().values()))
    return 0


def _explain(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    import difflib

    from conformance.judge.catalogue import catalogue
    from conformance.report.explain import explained
    from conformance.report.files import ReportError, exchanges_of, located, read

    rows = catalogue()
    if options.row not in rows:
        close = difflib.get_close_matches(options.row, rows, n=5, cutoff=0.4)
        return _fail(
            ValueError(f"no row {options.row!r}; perhaps: {', '.join(close) or 'see openai-conformance list'}")
        )
    report, exchanges = None, {}
    try:
        located(options.report)
    except ReportError:
        pass  # no report yet: the row can still be explained
    else:
        try:
            report, exchanges = read(options.report), exchanges_of(options.report)
        except ReportError as error:
            return _fail(error)
    _say(*explained(rows[options.row], report, exchanges))
    return 0


def _render(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    from conformance.report.files import ReportError, render

    try:
        _say(f"written: {render(options.report)}")
    except ReportError as error:
        return _fail(error)
    return 0


def _compare(options: argparse.Namespace, _rest: Sequence[str]) -> int:
    import json

    from conformance.report.compare import compared, lines_of
    from conformance.report.files import ReportError, read

    try:
        difference = compared(read(options.old), read(options.new))
    except ReportError as error:
        return _fail(error)
    if options.json:
        _say(json.dumps(difference.record(), indent=1))
    else:
        _say(*lines_of(difference))
    return difference.status


def _serve(_options: argparse.Namespace, _rest: Sequence[str]) -> int:
    from conformance.targets.embedded.server import serve
    from conformance.targets.errors import TargetError

    try:
        serve(say=_say)
    except TargetError as error:
        return _fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
