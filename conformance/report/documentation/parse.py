"""Find the checkboxes of a documentation page, with a Markdown parser.

The parser says on which line each item begins, and with what text. No text of the page goes through it and back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from conformance.probes.endpoints import HEADINGS

_PARSER = MarkdownIt("commonmark").disable("inline")
"""Reads blocks only: nothing here depends on what is inside a paragraph."""

_ENDPOINT_OF_PATH = {path: endpoint for endpoint, path in HEADINGS.items() if path.startswith("/")}
_PATH = re.compile(r"/v1(?:/[\w{}:.-]+)+")
_LINE_END = re.compile(r"\r\n?|\n|\Z")
_BLANK = r"[ \t\u00a0\u3000]"
_MARKER = r"\[([ \u00a0\u3000xX✓✔]?)\]"
_CHECKBOX = re.compile(rf"{_BLANK}*{_MARKER}(?={_BLANK})(.*)")
_ITEM = re.compile(rf"^({_BLANK}*)([-*+•◦‣▪·]|[0-9]{{1,3}}[.)])({_BLANK}*)(?={_MARKER}{_BLANK})")
_PLAIN_BLANKS = str.maketrans({"\u00a0": " ", "\u3000": "  "})
"""No-break and ideographic blanks, as wide in columns."""


@dataclass(frozen=True, kw_only=True)
class Checkbox:
    """A checkbox of the page: where it stands, what it says, and the row that it is about."""

    line: int
    """Counted from 1."""
    start: int
    end: int
    """Offsets into the text of the character between the brackets; equal where there is none, as in `[]`."""
    ticked: bool
    wording: str
    """What follows the checkbox on its line."""
    endpoint: str
    """As in a row's id; empty for a path that no row is about."""
    section: int
    """The line of the heading that it stands under, to tell headings apart."""
    parent: int | None = None
    """The position, among the checkboxes of the page, of the one whose item this one's is nested in."""
    row: str | None = None
    """The row's id, once matched."""


@dataclass(frozen=True, kw_only=True)
class _Heading:
    """The heading that a part of the page stands under."""

    line: int = 0
    """Counted from 1."""
    endpoint: str | None = None
    """Of this heading or of one above it; empty for a path that no row is about, None where no path is named."""
    level: int = 0
    """Of the heading that named the endpoint."""


def find_checkboxes(text: str) -> list[Checkbox]:
    """Return all checkboxes of a page that stand below an endpoint's heading, in order, their rows not yet matched.

    They are those that GitHub shows, by its specification: a list item whose first block is a paragraph that begins
    with a checkbox (https://github.github.com/gfm/#task-list-items-extension-); hence none in code or in a comment.
    Besides, what translators write is read: typographic bullets, other or missing blanks, other ticks, `[]`.
    """
    lines = _split_lines(text)
    document = SyntaxTreeNode(_PARSER.parse(_to_commonmark(line for _, line in lines)))
    checkboxes: list[Checkbox] = []
    _collect_checkboxes(document, lines, checkboxes, _Heading(), None)
    return checkboxes


def _split_lines(text: str) -> list[tuple[int, str]]:
    """Return each line, as Markdown ends them, with its offset into the text."""
    lines = []
    start = 0
    for end in _LINE_END.finditer(text):
        lines.append((start, text[start : end.start()]))
        start = end.end()
    return lines


def _to_commonmark(lines: Iterable[str]) -> str:
    """Return the page as the parser shall read it: as many lines, each the same from its checkbox on."""
    return "\n".join(_ITEM.sub(_normalize_item, line, count=1) for line in lines).removeprefix("\ufeff")


def _normalize_item(found: re.Match[str]) -> str:
    """Return what an item begins with in the form that Markdown demands."""
    indent, bullet, gap = found[1], found[2], found[3]
    bullet = bullet if bullet.isascii() else "-"
    return f"{indent.translate(_PLAIN_BLANKS)}{bullet}{gap.translate(_PLAIN_BLANKS) or ' '}"


def _collect_checkboxes(
    node: SyntaxTreeNode,
    lines: Sequence[tuple[int, str]],
    into: list[Checkbox],
    heading: _Heading,
    parent: int | None,
) -> None:
    """Append the checkboxes of a part of the page.

    A heading in a quotation or in an item holds until its end, not for what follows on the page.
    """
    for child in node.children:
        nearest = parent
        if child.type == "heading":
            heading = _enter_heading(child, heading)
        elif child.type == "list_item":
            checkbox = _read_checkbox(child, lines, heading)
            if checkbox is not None:
                nearest = len(into)
                into.append(replace(checkbox, parent=parent))
        _collect_checkboxes(child, lines, into, heading, nearest)


def _enter_heading(heading: SyntaxTreeNode, above: _Heading) -> _Heading:
    """Return what holds below a heading."""
    line = _get_line(heading)
    level = int(heading.tag.removeprefix("h"))
    path = _PATH.search(heading.children[0].content)
    if path:
        return _Heading(line=line, endpoint=_ENDPOINT_OF_PATH.get(path[0].rstrip(".:"), ""), level=level)
    return replace(above, line=line, endpoint=None if level <= above.level else above.endpoint)


def _read_checkbox(item: SyntaxTreeNode, lines: Sequence[tuple[int, str]], heading: _Heading) -> Checkbox | None:
    """Return the checkbox that an item begins with; None if it has none, or stands below no endpoint."""
    if heading.endpoint is None or not item.children or item.children[0].type != "paragraph":
        return None
    paragraph = item.children[0].children[0]
    found = _CHECKBOX.match(paragraph.content)
    if found is None:
        return None
    number = _get_line(paragraph)
    offset, line = lines[number - 1]
    # Before it stand only blanks, bullets and the marks of quotations.
    start = offset + line.index("[") + 1
    return Checkbox(
        line=number,
        start=start,
        end=start + len(found[1]),
        ticked=bool(found[1].strip()),
        wording=found[2].strip(),
        endpoint=heading.endpoint,
        section=heading.line,
    )


def _get_line(node: SyntaxTreeNode) -> int:
    """Return the line that a block begins on, counted from 1."""
    first, _ = cast("tuple[int, int]", node.map)  # every block that the parser finds has its lines
    return first + 1
