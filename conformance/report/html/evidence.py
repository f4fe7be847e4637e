"""The exchanges of a row as its reader meets them: each with the part it plays, and the one that decided.

A report says which exchanges a row asked, in order. Which part each plays is read off the requests: of what every
probe sends (a plain request, again, another prompt, nonsense, an invented key, the plain request after a bad one).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.report.outline import LEVEL_HEADINGS
from conformance.wire.exchange import Exchange

from .pairs import PROMPTS, Path, RequestDiff, find_changes, pair_requests

Row = Mapping[str, Any]

CONTROL = "control"
TREATMENT = "treatment"
BAD_REQUEST = "bad request"
VALID_VALUE = "valid value"
NONSENSE = "nonsense"
INVENTED_KEY = "an invented key"
AGAIN = "again"
SPARE_PROMPT = "spare prompt"
PLAIN_AFTER = "plain request right after"
OTHER_REQUEST = "request"
"""Parts that an exchange can play in a row."""

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_INVENTED = "zz_unknown"
_STATUS = re.compile(r"\b[45]\d\d\b")


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One exchange of a row, as its list shows it before it is opened."""

    diff: RequestDiff
    part: str
    fault: str = ""
    """How the answer breaks the rule that the row is about, where the row's reason does not say it."""
    places: tuple[Path, ...] = ()
    """Where in the answer the fault lies: steps into its JSON."""
    events: tuple[int, ...] = ()
    """Numbers of the events of a stream in which it lies."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Those that the entry shows: its own, and the one beside it."""
        return tuple(each for each in (self.diff.treatment, self.diff.control) if each is not None)

    @property
    def label(self) -> str:
        """The part, and what the request does differently; the latter only where it says more."""
        if self.fault:
            return f"{self.part}: {self.fault}"
        first = self.diff.control is None and self.part == CONTROL
        return self.part if first or self.diff.label == "the same again" else f"{self.part} ({self.diff.label})"

    @property
    def result(self) -> str:
        """Status or failure, and how long it took."""
        exchange = self.diff.treatment
        return f"{exchange.failure or exchange.status or 'no answer'} in {exchange.seconds:.2f} s"

    @property
    def changed(self) -> str:
        """The changed paths for the page's script: steps joined by `/`, paths by a newline."""
        return _join(self.diff.changed[:200])

    @property
    def faulty(self) -> str:
        """The places of the fault, in the same way."""
        return _join(self.places)


def _join(paths: Sequence[Path]) -> str:
    return "\n".join("/".join(path) for path in paths)


def list_entries(row: Row, exchanges: Sequence[Exchange]) -> tuple[Entry, ...]:
    """Return the exchanges of a row that a probe asked, each beside the one it is compared with."""
    field = find_field(row)
    return tuple(
        Entry(diff=diff, part=_find_part(row, field, number, diff, exchanges))
        for number, diff in enumerate(pair_requests(exchanges))
    )


def find_field(row: Row) -> str:
    """Return the request field that a row is about, empty where it is about none."""
    parts = [*row["id"].split("/"), "", "", ""]
    if parts[1] == "fields":
        return str(parts[2])
    return str(parts[3]) if parts[0] == "errors" and parts[2] in LEVEL_HEADINGS else ""


def _find_part(row: Row, field: str, number: int, diff: RequestDiff, exchanges: Sequence[Exchange]) -> str:
    exchange, first = diff.treatment, exchanges[0]
    if exchange.call.purpose == "after_error":
        return PLAIN_AFTER
    if number == 0:
        compared = any(_route(each) == _route(first) for each in exchanges[1:])
        return CONTROL if compared else TREATMENT if len(exchanges) == 1 else OTHER_REQUEST
    if _route(exchange) != _route(first):
        bad = row["endpoint"] == "errors" and exchange is _find_bad_request(row, exchanges)
        return BAD_REQUEST if bad else OTHER_REQUEST
    if _has(exchange, _INVENTED) and field:
        return INVENTED_KEY
    if diff.control is not None and diff.label == "the same again":
        return AGAIN
    if _is_control(first, exchange, "" if row["endpoint"] == "errors" else field):
        return SPARE_PROMPT if _prompt_of(first) != _prompt_of(exchange) else CONTROL
    if row["endpoint"] == "errors":
        bad = _find_bad_request(row, exchanges)
        return BAD_REQUEST if exchange is bad else VALID_VALUE if exchanges.index(bad) < number else OTHER_REQUEST
    return _part_of_value(field, number, exchanges)


def _part_of_value(field: str, number: int, exchanges: Sequence[Exchange]) -> str:
    """Return the part of a request whose row asks whether a field is read: valid value, then nonsense."""
    if not (field and any(_has(each, _INVENTED) for each in exchanges)):
        return TREATMENT
    given = [place for place, each in enumerate(exchanges) if _has(each, field) and not _has(each, _INVENTED)]
    if number not in given or len(given) < 2:
        return TREATMENT
    return NONSENSE if number == given[-1] else VALID_VALUE


def _is_control(first: Exchange, exchange: Exchange, field: str) -> bool:
    """Whether a request is the plain one but for another prompt of its kind, or another limit."""
    names = {path[0] if path else "" for path in find_changes(first, exchange)}
    if not names <= {*PROMPTS, *_LIMITS} or (field in _LIMITS and field in names):
        return False
    return _way(first) == _way(exchange) and _shape(_prompt_of(first)) == _shape(_prompt_of(exchange))


def _route(exchange: Exchange) -> tuple[str, str]:
    return exchange.call.method, exchange.call.path


def _way(exchange: Exchange) -> tuple[object, ...]:
    return exchange.call.transport, exchange.call.headers, exchange.call.trailing_slash


def _prompt_of(exchange: Exchange) -> Any:
    body = exchange.sent_json
    return [body.get(name) for name in PROMPTS] if isinstance(body, dict) else None


_MAX_SHAPE_STEPS = 6


def _shape(prompt: Any, steps: int = _MAX_SHAPE_STEPS) -> Any:
    """Return a prompt without its texts: roles, types, and how many there are."""
    if steps and isinstance(prompt, dict):
        kept = {name: value for name, value in prompt.items() if name in ("role", "type")}
        return {name: kept[name] if name in kept else _shape(value, steps - 1) for name, value in prompt.items()}
    if steps and isinstance(prompt, list):
        return [_shape(each, steps - 1) for each in prompt]
    return type(prompt).__name__


def _has(exchange: Exchange, field: str) -> bool:
    body = exchange.sent_json
    return isinstance(body, dict) and field in body


def find_primary(row: Row, entries: Sequence[Entry]) -> Entry | None:
    """Return the exchange that is opened with its row: the one that decided, as far as the requests tell.

    Of a row about an error, the bad request. Else the answer whose status the reason names or, where the row is
    broken, that failed; nonsense that was accepted; the first request that sets the row's own field and as little
    else as possible; the first that is no plain one.
    """
    if not entries:
        return None
    exchanges = [entry.diff.treatment for entry in entries]
    by_exchange = dict(zip(map(id, exchanges), entries, strict=True))
    if row["endpoint"] == "errors":
        return by_exchange[id(_find_bad_request(row, exchanges))]
    asked = [entry for entry in entries if entry.part != PLAIN_AFTER]
    choices = (
        [entry for entry in asked if _is_named(row["reason"], entry.diff.treatment)],
        [entry for entry in asked if row["verdict"] == "broken" and _has_failed(entry.diff.treatment)],
        [entry for entry in asked if entry.part == NONSENSE],
        _about(find_field(row), asked),
        [entry for entry in asked if entry.part == TREATMENT],
        [entry for entry in asked if entry.part == SPARE_PROMPT],
        asked[1:],
        entries,
    )
    return next(choice[0] for choice in choices if choice)


def _about(field: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that set the field, those first that differ in as little else as possible."""
    own = [
        entry
        for entry in entries
        if entry.part in (TREATMENT, VALID_VALUE) and any(path[:1] == (field,) for path in entry.diff.changed)
    ]
    return sorted(own, key=lambda entry: len({path[:1] for path in entry.diff.changed}))


def _is_named(reason: str, exchange: Exchange) -> bool:
    """Whether the reason names the error status of an answer."""
    return exchange.failure is None and str(exchange.status) in _STATUS.findall(reason[:400])


def _has_failed(exchange: Exchange) -> bool:
    refused = exchange.sdk_result is not None and exchange.sdk_result.exception is not None
    return exchange.failure is not None or (exchange.status or 0) >= 500 or (exchange.accepted and refused)


def _find_bad_request(row: Row, exchanges: Sequence[Exchange]) -> Exchange:
    """Return the bad request of a row about an error: the last of several.

    It is the one that the plain request after it follows. Where none came after it, it is the last without the field
    that must be missing, or the last with the first value that the field is given; else the last of all.
    """
    by_id = {exchange.id: exchange for exchange in exchanges}
    followed = [by_id[name] for each in exchanges if (name := each.call.follows) in by_id]
    if followed:
        return followed[-1]
    own = [exchange for exchange in exchanges if exchange.call.purpose != "after_error"] or list(exchanges)
    other = [each for each in own if not _is_control(own[0], each, "")]
    field = find_field(row)
    if "/missing/" in row["id"]:
        same = [each for each in other if not _has(each, field)]
    else:
        given = [each for each in other if _has(each, field)]
        same = [each for each in given if each.sent_json[field] == given[0].sent_json[field]]
    return (same or other or own)[-1]
