"""Check the task list of a documentation page against a report, and correct it.

A page is Ollama's on OpenAI compatibility, of any release or translated: headings that name an endpoint's path, and
below them nested list items with a checkbox. A Markdown parser decides what is an item; only the character between
the brackets of a wrong checkbox is ever changed, and a checkbox whose row is not certain stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from conformance.checklist.rows import ENDPOINTS
from conformance.checklist.verdicts import Verdict
from conformance.report.compare import printable

from .match import ListItem, match_rows

_ENDPOINT_OF_PATH = {path: endpoint for endpoint, path in ENDPOINTS.items() if path.startswith("/")}

# Blocks are enough: nothing here reads what is inside a paragraph, and a link's address may hold bytes that are no
# UTF-8, which a parser of addresses need not bear.
_PARSER = MarkdownIt("commonmark").disable(["inline", "reference"])

_PATH = re.compile(r"/v1(?:/[\w{}:.-]+)+")
_LINE_END = re.compile(r"\r\n|\r|\n|\Z")
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
    row: str | None = None


@dataclass(frozen=True, kw_only=True)
class CheckboxResult:
    """A checkbox whose row is in the report, with what the report says."""

    checkbox: Checkbox
    verdict: Verdict
    reason: str

    @property
    def is_wrong(self) -> bool:
        """Whether what was observed is not what the checkbox says."""
        return self.verdict.rank is not None and self.checkbox.ticked is not self.verdict.good


@dataclass(frozen=True, kw_only=True)
class PageCheck:
    """A page against a report."""

    text: str
    results: tuple[CheckboxResult, ...]
    without_row: tuple[Checkbox, ...]
    """Checkboxes without a row, or whose row the report does not know."""
    rows_without_checkbox: tuple[Mapping[str, Any], ...]
    """Rows of the report that no checkbox is about: fields and features of the page's endpoints."""
    wrong: tuple[CheckboxResult, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Pick the wrong ones."""
        object.__setattr__(self, "wrong", tuple(result for result in self.results if result.is_wrong))

    def correct(self) -> str:
        """Return the page with its wrong checkboxes put right, everything else as it was."""
        parts: list[str] = []
        end = 0
        for result in self.wrong:
            parts += self.text[end : result.checkbox.start], "x" if result.verdict.good else " "
            end = result.checkbox.end
        return "".join([*parts, self.text[end:]])

    @property
    def status(self) -> int:
        """The exit status: 0 where no checkbox is wrong, else 1."""
        return 1 if self.wrong else 0


def read_page(path: Path) -> str:
    """Return the text of a page, from which `write_page` writes the same bytes: also those that are no UTF-8."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def write_page(path: Path, text: str) -> None:
    """Write a text that came from `read_page`."""
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


def check_page(text: str, report: Mapping[str, Any]) -> PageCheck:
    """Compare the task list of a page with a report.

    Raises:
        ValueError: the page has no checklist.
    """
    checkboxes = find_checkboxes(text)
    if not checkboxes:
        raise ValueError("no checklist: no item with a box stands below a heading that names an endpoint's path")
    rows = {row["id"]: row for row in report["rows"]}
    results = [
        CheckboxResult(checkbox=box, verdict=Verdict(rows[box.row]["verdict"]), reason=rows[box.row]["reason"])
        for box in checkboxes
        if box.row in rows
    ]
    named = {box.row for box in checkboxes}
    endpoints = {box.endpoint for box in checkboxes}
    return PageCheck(
        text=text,
        results=tuple(results),
        without_row=tuple(box for box in checkboxes if box.row not in rows),
        rows_without_checkbox=tuple(
            row for row in report["rows"] if row["id"] not in named and _could_have_checkbox(row, endpoints)
        ),
    )


def _could_have_checkbox(row: Mapping[str, Any], endpoints: set[str]) -> bool:
    """Whether a page that speaks of these endpoints might speak of the row: a field or feature, no form of one."""
    endpoint, kind, *path = row["id"].split("/")
    documented = row["claim"] is not None and not row.get("note")
    return endpoint in endpoints and kind in ("features", "fields") and (len(path) == 1 or documented)


@dataclass(frozen=True, kw_only=True)
class _Heading:
    """The heading that a part of the page stands under."""

    line: int = -1
    endpoint: str | None = None
    """Of this heading or of one above it; empty for a path that no row is about, None where no path is named."""
    level: int = 0
    """Of the heading that named the endpoint."""


def find_checkboxes(text: str) -> list[Checkbox]:
    """Return all checkboxes of a page that stand below an endpoint's heading, with the rows they are about.

    They are those that GitHub shows, by its specification: a list item whose first block is a paragraph that begins
    with a checkbox (https://github.github.com/gfm/#task-list-items-extension-); hence none in code or in a comment.
    Besides, what translators write is read: typographic bullets, other or missing blanks, other ticks, `[]`.
    """
    lines = _split_lines(text)
    document = SyntaxTreeNode(_PARSER.parse(_to_commonmark(line for _, line in lines)))
    checkboxes: list[Checkbox] = []
    items: list[ListItem] = []
    for heading, depth, paragraph in _find_items(document, _Heading()):
        box = _read_checkbox(paragraph, lines, heading)
        if box is not None:
            checkboxes.append(box)
            items.append(ListItem(endpoint=box.endpoint, section=heading.line, depth=depth, wording=box.wording))
    return [replace(box, row=row) for box, row in zip(checkboxes, match_rows(items), strict=True)]


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


def _find_items(
    node: SyntaxTreeNode, heading: _Heading, depth: int = 0
) -> Iterator[tuple[_Heading, int, SyntaxTreeNode]]:
    """Yield the first paragraph of each list item, with its heading and the number of lists around it.

    A heading in a quotation or in an item holds until its end, not for what follows on the page.
    """
    if node.type == "list_item" and node.children and node.children[0].type == "paragraph":
        yield heading, depth, node.children[0].children[0]
    for child in node.children:
        if child.type == "heading":
            heading = _enter(child, heading)
        yield from _find_items(child, heading, depth + (child.type == "list_item"))


def _enter(heading: SyntaxTreeNode, above: _Heading) -> _Heading:
    """Return what holds below a heading."""
    line = heading.map[0] if heading.map else above.line
    level = int(heading.tag.removeprefix("h"))
    path = _PATH.search(heading.children[0].content)
    if path:
        return _Heading(line=line, endpoint=_ENDPOINT_OF_PATH.get(path[0].rstrip(".:"), ""), level=level)
    return replace(above, line=line, endpoint=None if level <= above.level else above.endpoint)


def _read_checkbox(paragraph: SyntaxTreeNode, lines: list[tuple[int, str]], heading: _Heading) -> Checkbox | None:
    """Return the checkbox that an item's first paragraph begins with, if any and if below an endpoint."""
    content = paragraph.content.partition("\n")[0].rstrip()
    found = _CHECKBOX.match(content)
    if found is None or heading.endpoint is None or paragraph.map is None:
        return None
    number = paragraph.map[0]
    offset, line = lines[number]
    # The parser has cut or expanded what stands before the content, never the content: so count from the line's end.
    offset += len(line.rstrip()) - len(content)
    return Checkbox(
        line=number + 1,
        start=offset + found.start(1),
        end=offset + found.end(1),
        ticked=bool(found[1].strip()),
        wording=found[2].strip(),
        endpoint=heading.endpoint,
    )


def _normalize_item(found: re.Match[str]) -> str:
    """Return what an item begins with in the form that Markdown demands."""
    indent, bullet, gap = found[1], found[2], found[3]
    bullet = bullet if bullet.isascii() else "-"
    return f"{indent.translate(_PLAIN_BLANKS)}{bullet}{gap.translate(_PLAIN_BLANKS) or ' '}"


def format_check(check: PageCheck) -> list[str]:
    """Return what `openai-conformance docs` prints: wrong checkboxes both ways, then what could not be compared."""
    lines: list[str] = []
    for heading, ticked in (("Claimed but not there", True), ("There but not claimed", False)):
        lines += _format_group(heading, (_format(each) for each in check.wrong if each.checkbox.ticked is ticked))
    unranked = [result for result in check.results if result.verdict.rank is None]
    lines += _format_group("Could not be told, left as they are", map(_format, unranked))
    lines += _format_group(
        "Boxes without a row", (f"line {box.line}: {printable(box.wording)}" for box in check.without_row)
    )
    lines += _format_group(
        "Rows without a box", (f"{row['id']}: {row['verdict']}" for row in check.rows_without_checkbox)
    )
    wrong = len(check.wrong)
    right = len(check.results) - wrong - len(unranked)
    total = len(check.results) + len(check.without_row)
    return [*lines, f"{total} boxes: {right} right, {wrong} wrong, {total - right - wrong} open"]


def _format_group(heading: str, entries: Iterable[str]) -> list[str]:
    lines = [f"  {entry}" for entry in entries]
    return [f"{heading} ({len(lines)})", *lines, ""] if lines else []


def _format(result: CheckboxResult) -> str:
    return f"line {result.checkbox.line}: {result.checkbox.row}: {result.verdict}: {printable(result.reason)}"
