"""Rules of the ids of /v1/responses: of responses, and of their items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from conformance.checklist.verdicts import Severity
from conformance.judge.response_stream import read_response_stream
from conformance.probes import chance
from conformance.probes.endpoints.responses import Responses
from conformance.probes.response_views import as_list, get_path
from conformance.wire.exchange import Exchange

from .registry import applies_to_plain, applies_to_stream, cross_response_rule, rule

_ANY_PLAIN = applies_to_plain(Responses, sampled=True)
_STREAM = applies_to_stream(Responses)


def _named(exchange: Exchange) -> tuple[str, list[tuple[str, str]]]:
    """Return the id of a response, and type and id of each of its items; empty ids for those that it lacks."""
    if _ANY_PLAIN(exchange):
        response = exchange.json
    elif _STREAM(exchange):
        terminal = read_response_stream(exchange.events).terminal
        response = None if terminal is None else terminal.response
    else:
        return "", []
    items = as_list(get_path(response, "output"))
    name = get_path(response, "id")
    pairs = [(get_path(item, "type"), get_path(item, "id")) for item in items]
    texts = [(kind, each) for kind, each in pairs if isinstance(kind, str) and isinstance(each, str) and each]
    return name if isinstance(name, str) else "", texts


@cross_response_rule("responses/response/ids/unique", title="ids of responses are unique", chance=chance.RULE_IDS)
def unique_ids(exchanges: Sequence[Exchange]) -> list[tuple[str, str]]:
    """No two responses of the run have the same id, nor are they numbers so small that two soon will."""
    named = [(exchange.id, name) for exchange in exchanges if (name := _named(exchange)[0])]
    holders = _holders(named)
    if len(named) < 2:
        return []
    small = _find_small_numbers(name for _, name in named)
    same = "two responses have the same id"
    return [(each, small.get(name, same if len(holders[name]) > 1 else "")) for each, name in named]


@cross_response_rule("responses/response/items/unique", title="ids of items are unique", chance=chance.RULE_IDS)
def unique_items(exchanges: Sequence[Exchange]) -> list[tuple[str, str]]:
    """No two items have the same id: in one response, and over the run. They are no small random numbers either."""
    found: list[tuple[str, str]] = []
    named = [(exchange.id, [name for _, name in _named(exchange)[1]]) for exchange in exchanges]
    holders = _holders((each, name) for each, names in named for name in names)
    small = _find_small_numbers(holders)
    for each, names in named:
        if faulty := [small[name] for name in names if name in small]:
            found.append((each, faulty[0]))
        elif len(set(names)) < len(names):
            found.append((each, "two items of one response have the same id"))
        elif any(len(holders[name]) > 1 for name in names):
            found.append((each, "items of two responses have the same id"))
        elif names:
            found.append((each, ""))
    return found if len(holders) > 1 or any(fault for _, fault in found) else []


MIN_IDS = 20
"""Ids from which on it is told how they are made."""
MAX_SMALL_DIGITS = 7
"""Digits of numbers that repeat, drawn at random: of six digits, two in a thousand are equal four times in ten."""
MIN_SPREAD = 20
"""How far numbers lie apart, on average, that are drawn and not counted up."""


def _find_small_numbers(names: Iterable[str]) -> dict[str, str]:
    """Return what is wrong with ids that are small random numbers behind a prefix, for the least and the greatest.

    Whether two of a run are equal is then luck, and that two of a day are is not. Numbers that are counted up are not
    meant.
    """
    numbers: dict[str, list[str]] = {}
    for name in set(names):
        digits = re.search(r"[0-9a-zA-Z]*\Z", name)
        tail = digits.group() if digits else ""
        numbers.setdefault(name[: len(name) - len(tail)], []).append(tail)
    found: dict[str, str] = {}
    for head, tails in numbers.items():
        small = [int(tail) for tail in tails if tail.isascii() and tail.isdigit() and len(tail) <= MAX_SMALL_DIGITS]
        if MIN_IDS <= len(small) == len(tails) and max(small) - min(small) > MIN_SPREAD * len(small):
            fault = f"ids are random numbers of at most {max(map(len, tails))} digits, which soon repeat"
            found |= {f"{head}{tail}": fault for tail in tails if int(tail) in (min(small), max(small))}
    return found


def _holders(named: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return id -> the exchanges that have it. One that is there twice, for two shards, is one."""
    holders: dict[str, set[str]] = {}
    for exchange, name in named:
        holders.setdefault(name, set()).add(exchange)
    return holders


PREFIXES = {"message": "msg_", "function_call": "fc_", "reasoning": "rs_"}


@rule(
    "responses/response/ids/prefixes",
    _ANY_PLAIN,
    severity=Severity.SHOULD,
    title="ids tell what they name",
    chance=chance.RULE_STATUS,
)
def prefixes(exchange: Exchange) -> str | None:
    """Ids of responses begin with `resp_`, those of items with `msg_`, `fc_` or `rs_`."""
    name, items = _named(exchange)
    if not name:
        return None
    if not name.startswith("resp_"):
        return "the id of a response does not begin with `resp_`"
    wrong = [kind for kind, each in items if not each.startswith(PREFIXES.get(kind, ""))]
    return f"the id of a `{wrong[0]}` item does not begin with `{PREFIXES[wrong[0]]}`" if wrong else ""
