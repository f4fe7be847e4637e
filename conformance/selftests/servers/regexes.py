"""Texts that match a regular expression, for grammars and for `pattern`."""

from __future__ import annotations

import random
import re
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

MORE = 2
"""How often an open repetition is repeated beyond its least."""
LONGEST = 100
"""How often anything may be repeated."""


def matching(pattern: str, rng: random.Random) -> str:
    """A text that the pattern matches.

    Raises:
        ValueError: it is no pattern, or holds what is not understood here.
    """
    try:
        text = "".join(_made(item, rng) for item in _parser.parse(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"no regular expression: {error}") from error
    if re.search(pattern, text) is None:
        raise ValueError("the pattern is not understood")
    return text


def _made(item: tuple[Any, Any], rng: random.Random) -> str:
    kind, value = item
    if kind is code.LITERAL:
        return chr(value)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, inside = value
        if least > LONGEST:
            raise ValueError("the pattern repeats too often")
        count = rng.randint(least, min(most, least + MORE))
        return "".join(_made(each, rng) for _ in range(count) for each in inside)
    if kind is code.SUBPATTERN:
        return "".join(_made(each, rng) for each in value[3])
    if kind is code.BRANCH:
        return "".join(_made(each, rng) for each in rng.choice(value[1]))
    if kind is code.AT:
        return ""
    if kind in (code.IN, code.ANY, code.NOT_LITERAL, code.CATEGORY):
        members = _members(kind, value)
        if members:
            return rng.choice(members)
    raise ValueError("the pattern is not understood")


def _members(kind: Any, value: Any) -> str:
    """The printable characters that a class allows."""
    printable = "".join(chr(number) for number in range(32, 127))
    if kind is code.ANY:
        return "".join(char for char in printable if char.isalnum())
    if kind is code.NOT_LITERAL:
        return printable.replace(chr(value), "")
    if kind is code.CATEGORY:
        return _category(value, printable)
    found = ""
    negated = False
    for part, inside in value:
        if part is code.NEGATE:
            negated = True
        elif part is code.LITERAL:
            found += chr(inside)
        elif part is code.RANGE:
            found += "".join(chr(number) for number in range(inside[0], min(inside[1], inside[0] + 500) + 1))
        elif part is code.CATEGORY:
            found += _category(inside, printable)
    return "".join(char for char in printable if char not in found) if negated else found


def _category(value: Any, printable: str) -> str:
    spelled = {
        code.CATEGORY_DIGIT: r"\d",
        code.CATEGORY_NOT_DIGIT: r"\D",
        code.CATEGORY_SPACE: r"\s",
        code.CATEGORY_NOT_SPACE: r"\S",
        code.CATEGORY_WORD: r"\w",
        code.CATEGORY_NOT_WORD: r"\W",
    }[value]
    return "".join(char for char in printable if re.fullmatch(spelled, char))
