"""The options of a run, once, for `openai-conformance run` and for `pytest` in a checkout alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option as argparse and pytest declare it."""

    flag: str
    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    """Other spellings, which help does not show."""

    @property
    def name(self) -> str:
        """As an attribute."""
        return self.flag.removeprefix("--").replace("-", "_")


def _option(flag: str, text: str, *aliases: str, **settings: Any) -> Option:
    return Option(flag=flag, help=text, settings=settings, aliases=aliases)


OPTIONS = (
    _option("--base-url", "the server to ask, such as http://localhost:8000/v1 (default: OPENAI_BASE_URL, "
            "OLLAMA_HOST, an Ollama on its default port, else the embedded server)", metavar="URL"),
    _option("--target", "force a kind of target", choices=("ollama", "embedded", "openai")),
    _option("--api-key", "the key to send (default: OPENAI_API_KEY, sent only to a URL from an option or from "
            "OPENAI_BASE_URL)", metavar="KEY"),
    _option("--model", "the model for chat and completions (default: the server's smallest fitting, or only, one)",
            metavar="NAME"),
    _option("--tools-model", "the model for tools (default: --model)", metavar="NAME"),
    _option("--insert-model", "the model for `suffix` (default: --model)", metavar="NAME"),
    _option("--vision-model", "the model for pictures", metavar="NAME"),
    _option("--thinking-model", "the model for reasoning", metavar="NAME"),
    _option("--embedding-model", "the model for embeddings", metavar="NAME"),
    _option("--images-model", "the model that makes pictures: some twenty are made", metavar="NAME"),
    _option("--embedding-base-url", "the server of the embedding model, where it is another one", metavar="URL"),
    _option("--prepare", "put the suite's small models into an Ollama first, and run the rows that write",
            action="store_true"),
    _option("--deadline", "the longest one request may take, in seconds (default: 60)", metavar="SECONDS",
            type=float, default=60.0),
    _option("--report-dir", "folder of the reports (default: ./reports)", metavar="DIR", default="reports"),
    _option("--name", "name of the report's folder (default: KIND-VERSION)", metavar="NAME"),
    _option("--baseline", "what is expected: a baseline or a report.json, or `auto` for the nearest older version "
            "that we know", metavar="FILE"),
    _option("--update-baseline", "write the verdicts of this run to the --baseline file", action="store_true"),
    _option("--require-supported", "fail every row that is not supported or partial", action="store_true"),
    _option("--summary", "write a summary in Markdown, for a CI's page (default: GitHub's step summary, where "
            "there is one)", metavar="FILE"),
    _option("--junitxml", "write the rows as cases of a JUnit file, for a CI's test tab", "--junit-xml",
            metavar="FILE"),
    _option("--shard", "ask one part of five: 2/5; join the parts with openai-conformance merge",
            metavar="I/N"),
)  # fmt: skip
"""In the order in which `--help` shows them."""
