"""Every row asked of every kind of model and server: `python -m conformance.selftests.kinds [NAME...]`.

Prints, kind by kind, how many rows are decided, inconclusive, and wrong: accused though honoured, or supported though
dropped. Then each wrong row with its verdict and reason; with `-v` also each inconclusive one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.finalize import finalize_findings
from conformance.wire.exchange import Exchange

from .asking import MODELS, TIMED, asker_of, examined
from .servers.honours import SMALL_MODEL
from .servers.kinds import KINDS, Kind
from .shortcut import shortened

S, P, R, IGNORED, U = (
    Verdict.SUPPORTED,
    Verdict.PARTIAL,
    Verdict.REJECTED,
    Verdict.IGNORED,
    Verdict.INCONCLUSIVE,
)

MODELS_OF_KINDS = {**MODELS, "small_context": SMALL_MODEL}

HEARD = {"model", "messages", "prompt", "input", "stream"}
"""Fields that deaf servers act on."""

PIECES = "responses/stream/pieces"
"""The row judged by times as `TIMED` is: a server without a pace of its own has the machine's."""

CRASHES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a faulty probe raises."""

PACED = {"chat/stream/created_constant"}
"""Rows that need a text of more than a second, which these servers do not take: open, they count as decided."""

ABOUT = {
    "completions/features/json_mode": "response_format",
    "clients/openai_python/parse": "response_format",
    "chat/stream/tool_calls": "tools",
    "clients/openai_python/responses_parse": "text",
    "responses/features/reasoning_summaries": "reasoning",
}
"""Row -> the field that it stands on, where its id does not name it."""

VALIDATED = {
    "chat/fields/user": "nobody but the provider sees an effect",
    "chat/fields/safety_identifier": "nobody but the provider sees an effect",
    "chat/fields/prompt_cache_key": "a cache is a matter of price and speed",
    "chat/fields/prompt_cache_options": "a cache is a matter of price and speed",
    "chat/fields/prompt_cache_retention": "a cache is a matter of price and speed",
    "chat/fields/tool_choice/auto": "the model may call or not, with it and without it",
    "chat/fields/parallel_tool_calls": "where no tool is called, there is no second call to forbid",
    "chat/fields/prediction": "a matter of speed; counts of it are optional",
    "chat/fields/service_tier": "the tier that answers may be another than was asked for",
    "chat/fields/response_format/text": "text is what comes without it too",
    "completions/fields/user": "nobody but the provider sees an effect",
    "embeddings/fields/user": "nobody but the provider sees an effect",
    "embeddings/fields/encoding_format/absent": "is about the field's absence",
    "responses/fields/user": "nobody but the provider sees an effect",
    "responses/fields/safety_identifier": "nobody but the provider sees an effect",
    "responses/fields/access_programs": "nobody but the provider sees an effect",
    "responses/fields/prompt_cache_key": "a cache is a matter of price and speed",
    "responses/fields/prompt_cache_options": "a cache is a matter of price and speed",
    "responses/fields/prompt_cache_retention": "a cache is a matter of price and speed",
    "responses/fields/image": "how a picture is compressed is a matter of price; here is none",
    "responses/fields/context_management": "a context below its threshold is left as it is",
    "responses/fields/max_tool_calls": "an answer that runs no hosted tool stays below any limit",
    "responses/fields/service_tier": "the tier that answers may be another than was asked for",
    "responses/fields/tool_choice/auto": "the model may call or not, with it and without it",
    "responses/fields/parallel_tool_calls": "where no tool is called, there is no second call to forbid",
    "responses/fields/text/format/text": "text is what comes without it too",
    "responses/fields/reasoning/context": "`auto` is what comes without it too",
    "responses/fields/reasoning/mode": "`standard` is what comes without it too",
    "responses/fields/max_output_tokens/null": "null means no limit, which is what comes without it too",
}
"""Rows of fields without an effect that must show: to check the value is all that can be seen. Each with its why."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All rows of one kind."""

    kind: Kind
    findings: Mapping[str, Finding]
    requests: int
    seconds: float
    """Of processor time."""

    @property
    def inconclusive(self) -> list[Finding]:
        """Rows that could not be told."""
        unclear = (U, Verdict.UNTESTED)
        return [found for found in self.findings.values() if found.verdict in unclear and found.row not in PACED]

    @property
    def wrong(self) -> list[Finding]:
        """Rows whose verdict is not true of the kind. Those that follow from others are as right as those."""
        rows = load_catalog()
        return [
            found
            for name, found in self.findings.items()
            if not rows[name].derived_from and found.verdict not in due(self.kind, rows[name], found.evidence)
        ]

    @property
    def decided(self) -> float:
        """The share of all rows that are decided: what is not asked is as of the plain kind, of which all are."""
        return 1 - len(self.inconclusive) / len(rows_of(KINDS["plain"]))


def due(kind: Kind, row: Row, evidence: Evidence = Evidence.EFFECT) -> set[Verdict]:
    """Return the verdicts that are true of a row. `evidence`: what a support is founded on."""
    allowed = {U, Verdict.NOT_APPLICABLE}
    allowed |= _due_of_deaf(row, evidence) if kind.parts.deaf else _due_of_honest(kind, row)
    for pattern, (verdicts, _) in kind.others.items():
        if fnmatchcase(row.id, pattern):
            allowed |= {Verdict(verdict) for verdict in verdicts}
    return allowed


def _due_of_honest(kind: Kind, row: Row) -> set[Verdict]:
    field = field_of(row)
    if field in kind.refuses:
        return {R, P}
    return {IGNORED} if any(f"{member_of(row)}/".startswith(f"{drop}/") for drop in kind.drops) else {S}


def _due_of_deaf(row: Row, evidence: Evidence) -> set[Verdict]:
    field = field_of(row)
    if field is None or field in HEARD:
        return {S, IGNORED} if row.kind in ("response", "stream") else {S}
    return {IGNORED, S} if row.id in VALIDATED and evidence is not Evidence.EFFECT else {IGNORED}


def field_of(row: Row) -> str | None:
    """Return the field that a row is about; None where it is about none."""
    return row.path[0] if row.kind == "fields" else ABOUT.get(row.id)


def member_of(row: Row) -> str:
    """Return the field that a row is about, with the member of it, as in `stream_options/include_usage`."""
    return "/".join(row.path) if row.kind == "fields" else ABOUT.get(row.id, "")


def rows_of(kind: Kind) -> list[Row]:
    """Return the rows that a kind is asked about, those of rules and of others among them."""
    return [
        row
        for row in load_catalog().values()
        if row.endpoint in kind.endpoints
        and (row.probe or row.rule or row.derived_from)
        and row.capability in MODELS_OF_KINDS
        and row.capability != "vision"
        and row.id not in TIMED
        and (kind.has_other_shape or not fnmatchcase(row.id, "*/schema*"))
    ]


@cache
def outcome_of(name: str) -> Outcome:
    """Return what is found of a kind, asked once."""
    kind = KINDS[name]
    began = time.process_time()
    rows = rows_of(kind)
    findings, exchanges = _asked(kind, [row.id for row in rows if row.probe])
    whole = finalize_findings(findings, exchanges, models=MODELS_OF_KINDS, selected=[row.id for row in rows])
    kept = {row.id: whole[row.id] for row in rows if row.id in whole}
    return Outcome(kind=kind, findings=kept, requests=len(exchanges), seconds=time.process_time() - began)


def _asked(kind: Kind, names: list[str]) -> tuple[dict[str, Finding], list[Exchange]]:
    """Return the findings of rows and all exchanges. A probe that raises is a finding: that it is broken.

    Rows of clients and errors are about the SDK too; the others need it where the answers are of a shape that it
    might not take.
    """
    server = kind.server()
    asker, apart = asker_of(server), asker_of(server)
    send = asker.send if kind.needs_sdk else shortened(server, asker)
    findings = {}
    for name in names:
        try:
            sent = apart.send if name.startswith(("clients/", "errors/")) else send
            findings[name] = examined(name, sent, MODELS_OF_KINDS)
        except CRASHES as error:
            reason = f"the probe raises {type(error).__name__}: {error}"
            findings[name] = Finding(row=name, verdict=Verdict.BROKEN, reason=reason)
    exchanges = {exchange.id: exchange for each in (apart, asker) for exchange in each.cache.all()}
    return findings, [exchanges[name] for name in sorted(exchanges)]


def _lines(name: str, *, verbose: bool) -> Iterator[str]:
    outcome = outcome_of(name)
    unclear, wrong = len(outcome.inconclusive), outcome.wrong
    numbers = f"{len(outcome.findings):5} {outcome.decided:8.1%} {outcome.kind.decided:6.0%}"
    yield f"{name:20} {numbers} {unclear:12} {len(wrong):6} {outcome.requests:9} {outcome.seconds:8.1f}"
    for found in wrong:
        yield f"    WRONG {found.row}: {found.verdict}: {found.reason}"
    for found in outcome.inconclusive if verbose else ():
        yield f"    open  {found.row}: {found.reason}"


def main() -> int:
    """Print the table; 1 if anything in it is wrong, or too little is decided."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="kinds; default: all")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the inconclusive rows too")
    options = parser.parse_args()
    names = options.names or list(KINDS)
    sys.stdout.write(f"{'kind':20} {'rows':>5} {'decided':>8} {'due':>6} {'inconclusive':>12} {'wrong':>6} ")
    sys.stdout.write(f"{'requests':>9} {'seconds':>8}\n")
    for name in names:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(name, verbose=options.verbose)))
        sys.stdout.flush()
    return int(any(outcome_of(name).wrong or outcome_of(name).decided < KINDS[name].decided for name in names))


if __name__ == "__main__":
    sys.exit(main())
