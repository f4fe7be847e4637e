"""What the recorded answers say of a rule: in how many it held, which broke it, and where the fault lies in them.

The report of a rule names the answers that broke it, and no other. So the rule is asked again here, about the same
answers: it is pure, and says nothing about a row whose verdict it does not come to again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.judge.catalog import load_catalog
from conformance.judge.finalize import select_judged
from conformance.judge.rules.registry import Rule
from conformance.judge.schema_faults import read_documents
from conformance.wire.exchange import Exchange

from .evidence import Entry
from .pairs import Path, RequestDiff

BREAKS = "an answer that breaks the rule"
HOLDS = "an answer in which it held"
"""Parts of the exchanges of a rule."""

_MAX_PLACES = 20
_MAX_EVENTS = 200
_NAMES = re.compile(r"`([\w.]+)`")
_PATH = re.compile(r"^([\w$*.]+): ")
_WORDS = re.compile(r"[\w-]+")
_COMMON_WORDS = {"object", "type", "text", "error", "index", "content"}
"""Names of members that a reason may also say without meaning them."""


@dataclass(frozen=True, kw_only=True)
class RuleEvidence:
    """The exchanges of a rule's row."""

    entries: tuple[Entry, ...]
    held: int
    """Answers in which the rule held; 0 where it did not hold in all, or where that is not known."""


def read_rules(rows: Sequence[Mapping[str, Any]], exchanges: Mapping[str, Exchange]) -> dict[str, RuleEvidence]:
    """Return the evidence of each row of a rule. Rows of probes have none here."""
    catalog = load_catalog()
    judged = select_judged(list(exchanges.values()))
    found = {}
    for row in rows:
        rule = catalog[row["id"]].rule if row["id"] in catalog else None
        if isinstance(rule, Rule):
            found[row["id"]] = _read_rule(row, rule, judged, exchanges)
    return found


def _read_rule(
    row: Mapping[str, Any], rule: Rule, judged: Sequence[Exchange], exchanges: Mapping[str, Exchange]
) -> RuleEvidence:
    if row["verdict"] not in ("supported", "partial", "broken"):
        return RuleEvidence(entries=(), held=0)
    tested = dict(rule.check(judged))
    faults = {name: fault for name, fault in tested.items() if fault}
    if row["exchanges"]:
        first = row["reason"].partition("; and ")[0]
        showing = [name for name, fault in faults.items() if fault == first]
        leading = [] if set(showing) & set(row["exchanges"]) else showing[:1]  # of many, the report names a few
        named = [exchanges[name] for name in (*row["exchanges"], *leading) if name in exchanges]
        entries = [_make_entry(exchange, BREAKS, faults.get(exchange.id, first), known=first) for exchange in named]
        entries.sort(key=lambda entry: (bool(entry.fault), not (entry.places or entry.events)))
        return RuleEvidence(entries=tuple(entries), held=0)
    if faults or row["verdict"] != "supported":
        return RuleEvidence(entries=(), held=0)
    sample = min((exchanges[name] for name in tested if name in exchanges), key=_as_sample, default=None)
    return RuleEvidence(entries=(_make_entry(sample, HOLDS, ""),) if sample else (), held=len(tested))


def _as_sample(exchange: Exchange) -> tuple[bool, int, str]:
    """Order answers by how well they serve as a sample: short, but not empty."""
    return (not exchange.text, len(exchange.sent) + len(exchange.text), exchange.id)


def _make_entry(exchange: Exchange, part: str, fault: str, *, known: str = "") -> Entry:
    """Return the entry of an answer. `fault`: how it breaks the rule; `known`: what the row's reason says."""
    documents = read_documents(exchange)[:_MAX_EVENTS]
    places = [tuple(_find_places(document, fault)) for document in documents] if fault else []
    streams = exchange.call.streams
    events = tuple(number for number, found in enumerate(places) if found) if streams else ()
    return Entry(
        diff=RequestDiff(treatment=exchange, control=None),
        part=part,
        fault=fault if fault != known else "",
        places=places[0][:_MAX_PLACES] if places and not streams else (),
        events=events if len(events) < len(documents) else (),
    )


def _find_places(document: Any, reason: str) -> Iterator[Path]:
    """Yield where in a document the fault lies, as far as the reason names the place.

    A reason begins with a path, `choices.*.logprobs: is missing`, or names members in backticks or in plain words.
    What is missing is where its parent is.
    """
    first = reason.split("; and ", maxsplit=1)[0]
    path = _PATH.match(first)
    if path:
        yield from _follow(document, path[1].split("."), missing="is missing" in first)
        return
    names = {name.rpartition(".")[2] for name in _NAMES.findall(first)}
    names = names or {word for word in _WORDS.findall(first.split("'")[0]) if word not in _COMMON_WORDS}
    yield from _find_named(document, names, ())


def _follow(document: Any, steps: Sequence[str], *, missing: bool, path: Path = ()) -> Iterator[Path]:
    if not steps or steps == ["$"]:
        if not missing:
            yield path
        return
    step, rest = steps[0], steps[1:]
    if isinstance(document, list) and step in ("*", "$"):
        for number, each in enumerate(document[:_MAX_PLACES]):
            yield from _follow(each, rest, missing=missing, path=(*path, str(number)))
    elif isinstance(document, dict):
        if step in document:
            yield from _follow(document[step], rest, missing=missing, path=(*path, step))
        elif step == "*":
            for name, each in list(document.items())[:_MAX_PLACES]:
                yield from _follow(each, rest, missing=missing, path=(*path, name))
        elif missing and not rest:
            yield path


_MAX_DEPTH = 12


def _find_named(document: Any, names: set[str], path: Path) -> Iterator[Path]:
    if len(path) > _MAX_DEPTH:
        return
    if isinstance(document, dict):
        for name, each in document.items():
            if name in names:
                yield (*path, name)
            else:
                yield from _find_named(each, names, (*path, name))
    elif isinstance(document, list):
        for number, each in enumerate(document):
            yield from _find_named(each, names, (*path, str(number)))
