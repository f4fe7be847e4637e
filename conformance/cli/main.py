"""The command `openai-conformance`: its parser. What each command does is in `commands`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance import __version__
from conformance.runner.options import OPTIONS

from . import commands

EXITS = """\
exit status: 0 as expected; 1 worse than expected, or evidence lost; 2 could not run; 3 our own error; 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: those of the process); return its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = _build_parser()
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        if options.command == "run":  # ours are good, and what is unknown here is pytest's to judge
            return commands.run(arguments[1:])
        if unknown:
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        return int(options.act(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="openai-conformance",
        description="Which fields of the OpenAI API does this server honour, and which does it silently ignore?",
        epilog=EXITS,
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_run(subparsers)
    one = subparsers.add_parser("list", help="print all rows")
    one.set_defaults(act=commands.list_rows)
    one = subparsers.add_parser("explain", help="what a row means, how it is probed, and what was found")
    one.add_argument("row", metavar="ROW")
    one.add_argument(
        "--report", type=Path, default=Path("reports"), metavar="PATH", help="a report (default: newest)"
    )
    one.set_defaults(act=commands.explain)
    one = subparsers.add_parser(
        "render", help="write again what is rendered from a report, or from a folder of reports"
    )
    one.add_argument("report", type=Path, nargs="?", default=Path("reports"), metavar="REPORT")
    one.set_defaults(act=commands.render)
    one = subparsers.add_parser(
        "compare", help="the differences of two reports or more, and a page of them", epilog=EXITS
    )
    one.add_argument("old", type=Path, metavar="OLD")
    one.add_argument("new", type=Path, metavar="NEW", nargs="+", help="more than one: neighbours are compared")
    one.add_argument("--json", action="store_true", help="print them as JSON; a page is only written with --html")
    one.add_argument("--html", type=Path, metavar="FILE", help="the page (default: beside the folder of the last)")
    one.set_defaults(act=commands.compare_reports)
    _add_docs(subparsers)
    _add_merge(subparsers)
    one = subparsers.add_parser("models", help="put the suite's small models into an Ollama, or take them away")
    one.add_argument("what", choices=("prepare", "remove"))
    one.add_argument("--base-url", metavar="URL", help="the Ollama (default: OLLAMA_HOST, else its default port)")
    one.set_defaults(act=commands.manage_models)
    one = subparsers.add_parser("serve", help="start the embedded server for use by hand")
    one.set_defaults(act=commands.serve_embedded)
    return parser


def _add_run(subparsers: Any) -> None:
    run = subparsers.add_parser(
        "run",
        help="ask a server, and write its matrix",
        description="Ask a server, and write its matrix. pytest's own options work too: -k, -n, -x ...",
        epilog=EXITS,
        allow_abbrev=False,
    )
    for option in OPTIONS:
        run.add_argument(option.flag, *option.aliases, help=option.help, **option.settings)


def _add_docs(subparsers: Any) -> None:
    docs = subparsers.add_parser(
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
    docs.set_defaults(act=commands.check_documentation)


_MERGE_OPTIONS = (
    "report_dir", "name", "baseline", "update_baseline", "require_supported", "summary", "junitxml",
)  # fmt: skip


def _add_merge(subparsers: Any) -> None:
    merge = subparsers.add_parser("merge", help="join the shards of a run into its report", epilog=EXITS)
    merge.add_argument("shards", type=Path, nargs="+", metavar="DIR", help="a shard's report, or a folder of them")
    for option in OPTIONS:
        if option.name in _MERGE_OPTIONS:
            merge.add_argument(option.flag, *option.aliases, help=option.help, **option.settings)
    merge.set_defaults(act=commands.merge_reports)


if __name__ == "__main__":
    sys.exit(main())
