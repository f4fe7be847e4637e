"""The checklist of a documentation page, laid against a report. Pure: text and report in, findings and text out.

A page is Ollama's on OpenAI compatibility, of any release or translated: headings named by an endpoint's path, below
them nested items with a box. Only the character in a box is ever changed; what cannot be told stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.checklist.rows import ENDPOINTS
from conformance.checklist.verdicts import Verdict

from .boxes import Listed, rows_of_boxes
from .text import clean_line as printable

_ENDPOINT = {path: endpoint for endpoint, path in ENDPOINTS.items() if path.startswith("/")}

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_PATH = re.compile(r"/v1(?:/[\w{}:.-]+)+")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)$")
_BLANK = r"[ \t\u00a0\u3000]"
_BOX = re.compile(rf"({_BLANK}*)(?:[-*+•◦‣▪·]|[0-9]{{1,3}}[.)]){_BLANK}*\[([ \u00a0\u3000xX✓✔]?)\](?={_BLANK})(.*)")


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box of the page: where it stands, what it says, and the row that it is about."""

    line: int
    """Counted from 1."""
    start: int
    end: int
    """Where the character in the box stands in the whole text; nowhere (`start == end`) in an empty one."""
    ticked: bool
    wording: str
    endpoint: str
    """As in a row's id; empty for a path that no row is about."""
    row: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A box whose row is in the report."""

    box: Box
    verdict: Verdict
    reason: str

    @property
    def wrong(self) -> bool:
        """Whether what was observed is not what the box says."""
        return self.verdict.rank is not None and self.box.ticked is not self.verdict.is_positive


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A page against a report."""

    text: str
    judged: tuple[Judged, ...]
    unknown: tuple[Box, ...]
    """Boxes without a row, or whose row the report does not know."""
    absent: tuple[Mapping[str, Any], ...]
    """Rows of the report that no box is about: fields and features of the page's endpoints."""
    wrong: tuple[Judged, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Pick the wrong ones."""
        object.__setattr__(self, "wrong", tuple(each for each in self.judged if each.wrong))

    def corrected(self) -> str:
        """The page with its wrong boxes put right, everything else as it was."""
        text = self.text
        for each in sorted(self.wrong, key=lambda each: -each.box.start):
            mark = "x" if each.verdict.is_positive else " "
            text = text[: each.box.start] + mark + text[each.box.end :]
        return text

    @property
    def status(self) -> int:
        """0 where no box is wrong, else 1."""
        return 1 if self.wrong else 0


def checked(text: str, report: Mapping[str, Any]) -> Checked:
    """Lay the checklist of a page against a report.

    Raises:
        ValueError: the page has no checklist.
    """
    boxes = boxes_of(text)
    if not boxes:
        raise ValueError("no checklist: no item with a box stands below a heading that names an endpoint's path")
    rows = {row["id"]: row for row in report["rows"]}
    judged = [
        Judged(box=box, verdict=Verdict(rows[box.row]["verdict"]), reason=rows[box.row]["reason"])
        for box in boxes
        if box.row in rows
    ]
    named = {box.row for box in boxes}
    endpoints = {box.endpoint for box in boxes}
    return Checked(
        text=text,
        judged=tuple(judged),
        unknown=tuple(box for box in boxes if box.row not in rows),
        absent=tuple(row for row in report["rows"] if row["id"] not in named and _could_have_box(row, endpoints)),
    )


def _could_have_box(row: Mapping[str, Any], endpoints: set[str]) -> bool:
    """Whether a page that speaks of these endpoints might speak of the row: a field or feature, no form of one."""
    endpoint, kind, *path = row["id"].split("/")
    documented = row["claim"] is not None and not row.get("note")
    return endpoint in endpoints and kind in ("features", "fields") and (len(path) == 1 or documented)


def boxes_of(text: str) -> list[Box]:
    """All boxes of a page that stand below an endpoint, with the rows they are about."""
    boxes: list[Box] = []
    listed: list[Listed] = []
    for section, (box, indent) in _listed(text):
        boxes.append(box)
        listed.append(Listed(endpoint=box.endpoint, section=section, indent=indent, wording=box.wording))
    return [replace(box, row=row) for box, row in zip(boxes, rows_of_boxes(listed), strict=True)]


def _listed(text: str) -> Iterator[tuple[int, tuple[Box, int]]]:
    """Each box with the number of the heading it stands under and its indentation in columns."""
    endpoint: str | None = None
    level = 0
    section = 0
    for number, (offset, line) in enumerate(_prose(text), 1):
        if line is None:
            continue
        if heading := _HEADING.match(line):
            section = number
            path = _PATH.search(heading[2] or "")
            if path:
                endpoint, level = _ENDPOINT.get(path[0].rstrip(".:"), ""), len(heading[1])
            elif len(heading[1]) <= level:
                endpoint = None
        elif endpoint is not None and (found := _BOX.match(line)):
            box = Box(
                line=number,
                start=offset + found.start(2),
                end=offset + found.end(2),
                ticked=bool(found[2].strip()),
                wording=found[3].strip(),
                endpoint=endpoint,
            )
            yield section, (box, len(found[1].expandtabs(4)))


def _prose(text: str) -> Iterator[tuple[int, str | None]]:
    """Each line with its place in the text; None instead of lines of code and of comments."""
    offset = 0
    fence = ""
    comment = False
    for line in text.split("\n"):
        start, shown = offset, line.rstrip("\r")
        offset += len(line) + 1
        mark = _FENCE.match(shown)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and not mark[2].strip() else fence
            yield start, None
        elif mark and not comment:
            fence = mark[1]
            yield start, None
        else:
            hidden = comment or shown.lstrip().startswith("<!--")
            comment = hidden and "-->" not in shown
            yield start, None if hidden else shown.removeprefix("\ufeff") if not start else shown


def lines_of(result: Checked) -> list[str]:
    """What `openai-conformance docs` prints: wrong boxes both ways, then what could not be laid against the other."""
    lines: list[str] = []
    for heading, ticked in (("Claimed but not there", True), ("There but not claimed", False)):
        lines += _group(heading, [_shown(each) for each in result.wrong if each.box.ticked is ticked])
    untold = [each for each in result.judged if each.verdict.rank is None]
    lines += _group("Could not be told, left as they are", map(_shown, untold))
    lines += _group("Boxes without a row", (f"line {box.line}: {printable(box.wording)}" for box in result.unknown))
    lines += _group("Rows without a box", (f"{row['id']}: {row['verdict']}" for row in result.absent))
    right = len(result.judged) - len(result.wrong) - len(untold)
    total = len(result.judged) + len(result.unknown)
    return [
        *lines,
        f"{total} boxes: {right} right, {len(result.wrong)} wrong, {total - right - len(result.wrong)} open",
    ]


def _group(heading: str, entries: Any) -> list[str]:
    shown = [f"  {entry}" for entry in entries]
    return [f"{heading} ({len(shown)})", *shown, ""] if shown else []


def _shown(each: Judged) -> str:
    return f"line {each.box.line}: {each.box.row}: {each.verdict}: {printable(each.reason)}"
