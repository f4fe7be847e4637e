"""Text that nobody vouches for, made harmless and visible.

Servers answer with what they like: `</script>`, terminal escapes, characters that turn the writing direction, NUL.
Markup is escaped by the template engine; here is what it does not know of: characters that cannot be seen or that
change how their neighbours are seen are shown as the escapes that JSON has for them, and data that scripts read is
spelled so that nothing in it can end its block.
"""

from __future__ import annotations

import json
import re
from typing import Any

CLIP = 4000
"""Characters of one text in a page; only a file that this suite did not write has longer ones."""

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
"""Ranges instead of `str.isprintable`, whose answer depends on the version of Python."""


def visible(text: str) -> str:
    """The text with every hidden character as an escape, such as `\\u202e`. Valid JSON stays valid, and the same."""
    return _HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def clipped(text: str, limit: int = CLIP) -> str:
    """The beginning of a text; how much was left off is said."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters)"


def data_block(value: Any) -> str:
    """JSON for a `<script type="application/json">`: ASCII, and without a character that HTML knows.

    Raises:
        ValueError: a number in it is not finite, which no browser reads.
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
