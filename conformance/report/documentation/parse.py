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
_OPERATION = re.compile(r"`?(?:GET|POST|PUT|PATCH|DELETE)\s+(/v1(?:/[\w{}:.-]+)+)`?")
"""A paragraph of its own that names the path under a heading which only has the endpoint's name."""
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
class Note:
    """An item of a list of notes."""

    line: int
    """Counted from 1."""
    path: str
    """Of the endpoint that it stands below, such as `/v1/models/{model}`."""
    text: str


@dataclass(frozen=True, kw_only=True)
class _Heading:
    """The heading that a part of the page stands under."""

    line: int = 0
    """Counted from 1."""
    text: str = ""
    own_level: int = 0
    path: str | None = None
    """Named by this heading or by one above it, None where none names a path."""
    level: int = 0
    """Of the heading that named the path."""

    @property
    def endpoint(self) -> str | None:
        """As in a row's id; empty for a path that no row is about, None where no path is named."""
        return None if self.path is None else _ENDPOINT_OF_PATH.get(self.path, "")


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
        heading = _enter(child, heading)
        if child.type == "list_item":
            checkbox = _read_checkbox(child, lines, heading)
            if checkbox is not None:
                nearest = len(into)
                into.append(replace(checkbox, parent=parent))
        _collect_checkboxes(child, lines, into, heading, nearest)


def _enter(node: SyntaxTreeNode, above: _Heading) -> _Heading:
    """Return what holds below a part of the page: something else only where that is a heading or names a path."""
    if node.type == "paragraph":
        operation = _OPERATION.fullmatch(node.children[0].content.strip())
        return replace(above, path=operation[1], level=above.own_level) if operation else above
    if node.type != "heading":
        return above
    text = node.children[0].content
    level = int(node.tag.removeprefix("h"))
    here = replace(above, line=_get_line(node), text=text, own_level=level)
    path = _PATH.search(text)
    if path:
        return replace(here, path=path[0].rstrip(".:"), level=level)
    return replace(here, path=None) if level <= above.level else here


def find_notes(text: str) -> list[Note]:
    """Return the items of all lists below a heading `Notes` that stand below an endpoint's path, in order."""
    notes: list[Note] = []
    _collect_notes(SyntaxTreeNode(_PARSER.parse(text)), notes, _Heading())
    return notes


def _collect_notes(node: SyntaxTreeNode, into: list[Note], heading: _Heading) -> None:
    for child in node.children:
        heading = _enter(child, heading)
        if child.type == "list_item" and heading.path and heading.text.strip().casefold() == "notes":
            paragraphs = [part.children[0].content for part in child.children if part.type == "paragraph"]
            into.append(Note(line=_get_line(child), path=heading.path, text=" ".join(paragraphs)))
        else:
            _collect_notes(child, into, heading)


def _read_checkbox(item: SyntaxTreeNode, lines: Sequence[tuple[int, str]], heading: _Heading) -> Checkbox | None:
    """Return the checkbox that an item begins with; None if it has none, or stands below no endpoint."""
    endpoint = heading.endpoint
    if endpoint is None or not item.children or item.children[0].type != "paragraph":
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
        endpoint=endpoint,
        section=heading.line,
    )


def _get_line(node: SyntaxTreeNode) -> int:
    """Return the line that a block begins on, counted from 1."""
    first, _ = cast("tuple[int, int]", node.map)  # every block that the parser finds has its lines
    return first + 1
