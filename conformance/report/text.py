"""Text that nobody vouches for, made harmless for each medium: one function per medium, and no copies elsewhere.

Servers answer with what they like: `</script>`, terminal escapes, characters that turn the writing direction, NUL.

| medium                          | function                                         |
|---------------------------------|--------------------------------------------------|
| terminal, CI log, JUnit         | `clean_line`; ElementTree escapes JUnit's markup |
| Markdown of matrix.md           | `escape_markdown`                                |
| Markdown of a CI's summary      | `escape_summary`                                 |
| Markdown of a bug report        | `fence`, `format_code`                           |
| GitHub's workflow commands      | `escape_command_data`, `escape_command_property` |
| HTML (Jinja escapes its markup) | `escape_invisible`, `clip`                       |
| JSON in HTML                    | `format_data_block`                              |
| SVG                             | `escape_svg`                                     |
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

MAX_CHARACTERS = 4000
"""Characters of one text in an HTML page; only a file that this suite did not write has longer ones."""
_MAX_SUMMARY_CHARACTERS = 300

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and newline; the second range holds the one-byte CSI
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2"  # signs that enclose what follows
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, direction
    "\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff\ue000-\uf8ff"  # halves of pairs, private use
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U0010ffff"  # tags, selectors, private use
    "]"
)
"""Ranges instead of `str.isprintable`, whose answer depends on the version of Python: pages are compared by byte."""


def _blank_unprintable(text: str) -> str:
    """Return the text with a space for each character that is not printable: controls, surrogates, line ends."""
    return "".join(char if char.isprintable() else " " for char in text)


def clean_line(text: str, max_characters: int = 200) -> str:
    """Return the beginning of a text as one line that can steer neither a terminal nor a CI.

    GitHub's runner takes `##[` anywhere in a line for a command. What is left is also legal in XML 1.0.
    """
    return _blank_unprintable(text[: 2 * max_characters]).replace("##[", "## [")[:max_characters]


def escape_markdown(text: object) -> str:
    """Return a text as one line of Markdown without markup: no tag, no table cell, no link."""
    line = " ".join(_blank_unprintable(str(text)).split())
    # The backslash first: else one before a bracket would take our own away from it.
    return line.replace("\\", "\\\\").replace("<", "&lt;").replace("|", "\\|").replace("[", "\\[")


def escape_summary(text: str) -> str:
    """Return the beginning of a text for GitHub's Markdown, which also links addresses and mentions people."""
    return (
        escape_markdown(text)[:_MAX_SUMMARY_CHARACTERS]
        .replace("`", "'")
        .replace("@", "@\u200b")
        .replace("://", ":\u200b//")
    )


def fence(text: str, language: str = "") -> str:
    """Return a text as a fenced block of Markdown, which shows it as it is: no mention, no link, no tag.

    The fence is longer than any row of backticks in the text, so that none of them can end it.
    """
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{language}\n{escape_invisible(text)}\n{mark}"


def format_code(text: str) -> str:
    """Return the beginning of a text as one line of code in Markdown, without the backticks that would end it."""
    line = " ".join(clean_line(text).replace("`", "'").split())
    return f"`{line}`" if line else ""


def escape_command_data(text: str) -> str:
    """Return a text as the message of one of GitHub's workflow commands, such as `::error::message`."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_command_property(text: str) -> str:
    """Return a text as a property of one of GitHub's workflow commands, such as `title`."""
    return escape_command_data(text).replace(":", "%3A").replace(",", "%2C")


def escape_svg(text: str) -> str:
    """Return a text for an element or an attribute of an SVG file."""
    return escape(_blank_unprintable(text))


def escape_invisible(text: str) -> str:
    r"""Return the text with every hidden character as JSON's escape, such as `\u202e`.

    Characters that cannot be seen, or that change how their neighbours are seen, are what a template engine does not
    know of. Valid JSON stays valid, and means the same.
    """
    return _HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def clip(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """Return the beginning of a text, and how long the whole is where it is longer."""
    return text if len(text) <= max_characters else f"{text[:max_characters]}… ({len(text):,} characters)"


def format_data_block(value: Any) -> str:
    """Return JSON for a `<script type="application/json">`: ASCII, and without a character that HTML knows.

    Raises:
        ValueError: a number in it is not finite, which no browser reads.
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
