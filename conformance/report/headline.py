"""What a report says of each endpoint, in one sentence: its whole request fields by verdict, and the bad requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.checklist.verdicts import Verdict

from .outline import Row, build_sections, is_top

FIELD_WORDS = {
    Verdict.SUPPORTED: "supported",
    Verdict.PARTIAL: "partial",
    Verdict.REJECTED: "rejected",
    Verdict.IGNORED: "silently ignored",
    Verdict.BROKEN: "broken",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_APPLICABLE: "not applicable",
}
"""What is said of so many request fields."""

ERROR_WORDS = {
    Verdict.SUPPORTED: "refused as OpenAI does",
    Verdict.PARTIAL: "refused with other details",
    Verdict.REJECTED: "not reached",
    Verdict.IGNORED: "silently accepted",
    Verdict.BROKEN: "answered wrongly",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_APPLICABLE: "not applicable",
}
"""What is said of so many bad requests."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of the rows have one verdict."""

    verdict: str
    count: int
    words: str


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One sentence about an endpoint, in parts, so that each medium can link or colour them."""

    endpoint: str
    heading: str
    rows: int
    asked: int
    what: str
    shares: tuple[Share, ...]

    @property
    def opening(self) -> str:
        """The sentence up to its counts: `of 38 request fields`."""
        untested = "" if self.asked == self.rows else f" {self.asked} {'was' if self.asked == 1 else 'were'} asked:"
        return f"of {self.rows} {self.what}{'' if self.rows == 1 else 's'}{untested}"

    def __str__(self) -> str:
        """Return the whole sentence, without its full stop."""
        return f"{self.endpoint}: {self.opening} {', '.join(f'{each.count} {each.words}' for each in self.shares)}"


def summarize_endpoints(report: Mapping[str, Any]) -> list[Headline]:
    """Return a sentence per endpoint that has request fields, and last the one about bad requests.

    Counted are whole fields, `chat/fields/stop`, not their parts; and of the errors the bad requests, not the rules.
    Groups of which nothing was asked have no sentence.
    """
    made = []
    for section in build_sections(report["rows"]):
        if section.endpoint == "errors":
            bad = [row for row in section.rows if row["kind"] != "response"]
            made.append(_summarize("errors", "errors", "bad request", bad, ERROR_WORDS))
        else:
            fields = [row for row in section.rows if is_whole_field(row)]
            made.append(_summarize(section.endpoint, section.heading, "request field", fields, FIELD_WORDS))
    made.sort(key=lambda each: each.endpoint == "errors")
    return [each for each in made if each.asked]


def is_whole_field(row: Row) -> bool:
    """Return whether the row is about a request field as a whole."""
    return bool(row["kind"] == "fields" and is_top(row))


def _summarize(endpoint: str, heading: str, what: str, rows: Sequence[Row], words: Mapping[Verdict, str]) -> Headline:
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in words}
    return Headline(
        endpoint=endpoint,
        heading=heading,
        rows=len(rows),
        asked=sum(counts.values()),
        what=what,
        shares=tuple(
            Share(verdict=str(verdict), count=count, words=words[verdict])
            for verdict, count in counts.items()
            if count
        ),
    )
