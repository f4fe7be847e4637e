"""Check the task list of a documentation page against a report, and correct it.

A page is Ollama's on OpenAI compatibility, of any release or translated: headings that name an endpoint's path, and
below them nested list items with a checkbox. Only the character between the brackets of a wrong checkbox is ever
changed; a checkbox whose row is not certain stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.checklist.verdicts import Verdict
from conformance.report.wrapping import align_rows, cut_line

from .match import match_checkboxes
from .parse import Checkbox, find_checkboxes


@dataclass(frozen=True, kw_only=True)
class CheckboxResult:
    """A checkbox whose row is in the report, with what the report says."""

    checkbox: Checkbox
    verdict: Verdict
    reason: str

    @property
    def is_wrong(self) -> bool:
        """Whether what was observed is not what the checkbox says."""
        return self.verdict.rank is not None and self.checkbox.ticked is not self.verdict.is_positive


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
            parts += self.text[end : result.checkbox.start], "x" if result.verdict.is_positive else " "
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
    checkboxes = match_checkboxes(find_checkboxes(text))
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


def format_check(check: PageCheck, *, every: bool = False, width: int = 100) -> list[str]:
    """Return what `openai-conformance docs` prints: the counts, wrong checkboxes both ways, then what is open.

    `every`: whether to name also the rows without a checkbox that are not supported. `width`: in columns.
    """
    unranked = [result for result in check.results if result.verdict.rank is None]
    wrong = len(check.wrong)
    right = len(check.results) - wrong - len(unranked)
    total = len(check.results) + len(check.without_row)
    lines = [f"{total} boxes: {right} right, {wrong} wrong, {total - right - wrong} open", ""]
    for heading, ticked in (("Claimed but not there", True), ("There but not claimed", False)):
        rows = [_cells(each) for each in check.wrong if each.checkbox.ticked is ticked]
        lines += _format_group(heading, rows, width)
    lines += _format_group("Could not be told, left as they are", _fold(unranked), width, count=len(unranked))
    unknown = [(f"line {box.line}", cut_line(box.wording)) for box in check.without_row]
    lines += _format_group("Boxes without a row", unknown, width)
    return [*lines, *_format_unlisted(check, every=every, width=width)]


def _format_unlisted(check: PageCheck, *, every: bool, width: int) -> list[str]:
    """Return the rows without a checkbox: those that could have a ticked one, and with `every` the others too."""
    rows = [(str(row["id"]), str(row["verdict"])) for row in check.rows_without_checkbox]
    there = [(name, verdict) for name, verdict in rows if Verdict(verdict).is_positive]
    lines = _format_group("There, and the page has no box for it", there, width)
    others = [row for row in rows if row not in there]
    if every:
        return lines + _format_group("Other rows without a box", others, width)
    return lines + ([f"{len(others)} more rows without a box are not supported: -v names them", ""] if others else [])


def _format_group(heading: str, rows: Sequence[Sequence[str]], width: int, *, count: int | None = None) -> list[str]:
    return [f"{heading} ({len(rows) if count is None else count})", *align_rows(rows, width), ""] if rows else []


def _cells(result: CheckboxResult) -> tuple[str, str, str]:
    box = result.checkbox
    return (f"line {box.line}", str(box.row), f"{result.verdict}: {cut_line(result.reason)}")


def _fold(results: Sequence[CheckboxResult]) -> list[tuple[str, str]]:
    """Return checkboxes that are open for one reason together, with the lines that they stand on."""
    groups: dict[str, list[CheckboxResult]] = {}
    for result in results:
        words = f"{str(result.verdict).replace('_', ' ')}: {cut_line(result.reason)}"
        groups.setdefault(words, []).append(result)
    return [
        (f"line {found[0].checkbox.line}", f"{found[0].checkbox.row}: {words}")
        if len(found) == 1
        else (f"{len(found)} boxes", f"{words} (lines {', '.join(str(each.checkbox.line) for each in found)})")
        for words, found in groups.items()
    ]
