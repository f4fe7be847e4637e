"""The command `openai-conformance`: its parser. What each command does is in `commands`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from conformance import __version__
from conformance.runner.options import OPTIONS

from . import commands

EXITS = """\
exit status: 0 as expected; 1 worse than expected, or evidence lost;
  2 could not run; 3 our own error; 130 interrupted
"""
_EXITS_OF_DOCS = """\
exit status: 0 no box is wrong; 1 boxes are wrong, also where --write put them
  right; 2 could not
"""
_EXITS_OF_A_PRINT = "exit status: 0 done; 2 could not, and says why\n"


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End with status 2, and say what is wrong and where help is."""
        hint = "; any other server is named with --base-url" if message.startswith("argument --target") else ""
        self.exit(2, f"{self.prog}: {message}{hint}; see {self.prog} --help\n")


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
    parser = _Parser(
        prog="openai-conformance",
        description="Which fields of the OpenAI API does this server honour, and which does it silently ignore?",
        epilog=_epilog(
            "openai-conformance run --base-url http://localhost:8000/v1",
            "openai-conformance explain chat/fields/n",
            "openai-conformance COMMAND --help",
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (_add_run, _add_list, _add_explain, _add_render, _add_compare, _add_docs, _add_merge):
        add(subparsers)
    _add_models(subparsers)
    _add_serve(subparsers)
    return parser


def _epilog(*examples: str, exits: str = EXITS) -> str:
    """Return what stands below the options of a command: examples, and what its exit statuses mean."""
    return "\n".join(["examples:", *(f"  {example}" for example in examples), "", exits])


def _add_command(
    subparsers: Any, name: str, text: str, act: Any, *examples: str, exits: str = EXITS, description: str = ""
) -> argparse.ArgumentParser:
    """Add a command. `text`: what it does, in the list of commands; `description`: more, in its own help."""
    command: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=text,
        description=description or f"{text[0].upper()}{text[1:]}.",
        epilog=_epilog(*examples, exits=exits),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(act=act)
    return command


def _add_run(subparsers: Any) -> None:
    run = _add_command(
        subparsers,
        "run",
        "ask a server, and write its matrix",
        None,
        "openai-conformance run",
        "openai-conformance run --base-url http://localhost:8000/v1 --model NAME",
        "openai-conformance run --target ollama --prepare",
        "openai-conformance run --baseline auto -k chat/fields",
        description="Ask a server, and write its matrix. pytest's own options work too: -k, -n, -x ...",
    )
    for option in OPTIONS:
        run.add_argument(option.flag, *option.aliases, help=option.help, **option.settings)


def _add_list(subparsers: Any) -> None:
    one = _add_command(
        subparsers,
        "list",
        "print the rows: their ids and titles",
        commands.list_rows,
        "openai-conformance list chat/fields/stop",
        "openai-conformance list '*/logprobs' --json",
        exits=_EXITS_OF_A_PRINT,
    )
    one.add_argument(
        "pattern",
        metavar="PATTERN",
        nargs="?",
        help="only rows whose ids hold this; with * ? or [..] in it, ids that match as a whole",
    )
    one.add_argument(
        "--json",
        action="store_true",
        help="an array of objects: id, title, endpoint, kind, severity, capability, documented (whether Ollama's "
        "page has had a box or a note of it), clause",
    )


def _add_explain(subparsers: Any) -> None:
    one = _add_command(
        subparsers,
        "explain",
        "what a row means, how it is probed, and what was found",
        commands.explain,
        "openai-conformance explain chat/fields/n",
        "openai-conformance explain chat/fields/n/plain --report reports/ollama-0.24.0",
        "openai-conformance explain chat/fields/n --issue > issue.md",
        exits=_EXITS_OF_A_PRINT,
    )
    one.add_argument("row", metavar="ROW", help="the id of a row, as openai-conformance list prints it")
    one.add_argument(
        "--report", type=Path, metavar="PATH", help="a report, or a folder of them (default: the newest in ./reports)"
    )
    one.add_argument(
        "--issue", action="store_true", help="print a bug report in Markdown, for the tracker of the server"
    )


def _add_render(subparsers: Any) -> None:
    one = _add_command(
        subparsers,
        "render",
        "render anew the files that are made from a report",
        commands.render,
        "openai-conformance render",
        "openai-conformance render reports/ollama-0.24.0",
        exits=_EXITS_OF_A_PRINT,
        description="Render anew what is made from a report: page, matrix.md, badges;\nof a folder also its index.",
    )
    one.add_argument(
        "report",
        type=Path,
        nargs="?",
        default=commands.DEFAULT_REPORTS,
        metavar="REPORT",
        help="a report, or a folder of them (default: all in ./reports)",
    )


def _add_compare(subparsers: Any) -> None:
    one = _add_command(
        subparsers,
        "compare",
        "the differences of two reports or more",
        commands.compare_reports,
        "openai-conformance compare reports/ollama-0.24.0 reports/ollama-0.34.4",
        "openai-conformance compare old new --html compare.html",
        exits="exit status: 0 nothing is worse; 1 worse, or evidence lost; 2 could not\n",
        description="Print the differences of reports, what is worse first.\nNo file is written without --html.",
    )
    one.add_argument("old", type=Path, metavar="OLD", help="the report to compare with: a folder or a report.json")
    one.add_argument(
        "new",
        type=Path,
        metavar="NEW",
        nargs="+",
        help="the newer report; of several, each is compared with the last",
    )
    one.add_argument("--json", action="store_true", help="print the differences as JSON")
    one.add_argument("--html", type=Path, metavar="FILE", help="also write them as a page, a column per report")


def _add_docs(subparsers: Any) -> None:
    docs = _add_command(
        subparsers,
        "docs",
        "check the boxes of a documentation page against a report",
        commands.check_documentation,
        "openai-conformance docs docs/openai.md",
        "openai-conformance docs docs/openai.md --report reports/ollama-0.24.0 --write",
        exits=_EXITS_OF_DOCS,
    )
    docs.add_argument("page", type=Path, metavar="FILE", help="the page: Ollama's docs/openai.md, or a translation")
    docs.add_argument(
        "--report",
        type=Path,
        default=commands.DEFAULT_REPORTS,
        metavar="PATH",
        help="a report, or a folder of them (default: the newest in ./reports)",
    )
    docs.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="OUT",
        help="write the page with its boxes put right, in its place or to OUT; nothing else is changed",
    )
    docs.add_argument(
        "-v", "--verbose", action="store_true", help="also name the rows without a box that are not supported"
    )


_MERGE_OPTIONS = (
    "report_dir", "name", "baseline", "update_baseline", "require_supported", "summary", "junitxml",
)  # fmt: skip


def _add_merge(subparsers: Any) -> None:
    merge = _add_command(
        subparsers,
        "merge",
        "join the shards of a run into its report",
        commands.merge_reports,
        "openai-conformance merge reports",
        "openai-conformance merge shard-1 shard-2 --baseline expected.json",
    )
    merge.add_argument("shards", type=Path, nargs="+", metavar="DIR", help="a shard's report, or a folder of them")
    for option in OPTIONS:
        if option.name in _MERGE_OPTIONS:
            merge.add_argument(option.flag, *option.aliases, help=option.help, **option.settings)


def _add_models(subparsers: Any) -> None:
    one = _add_command(
        subparsers,
        "models",
        "put the suite's small models into an Ollama, or take them away",
        commands.manage_models,
        "openai-conformance models prepare",
        "openai-conformance models remove --base-url http://localhost:11434",
        exits=_EXITS_OF_A_PRINT,
    )
    one.add_argument("what", choices=("prepare", "remove"), help="put them in, or take them away again")
    one.add_argument("--base-url", metavar="URL", help="the Ollama (default: OLLAMA_HOST, else its default port)")


def _add_serve(subparsers: Any) -> None:
    one = _add_command(
        subparsers,
        "serve",
        "start the embedded server for use by hand",
        commands.serve_embedded,
        "openai-conformance serve",
        "openai-conformance serve --port 8080",
        exits="exit status: 0 stopped with Ctrl-C; 2 cannot\n",
    )
    one.add_argument(
        "--port", type=int, default=0, metavar="PORT", help="where chat is served (default: a free port)"
    )


if __name__ == "__main__":
    sys.exit(main())
