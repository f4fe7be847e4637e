"""Check the task list of a documentation page against a report, and correct it.

A page is Ollama's on OpenAI compatibility, of any release or translated: headings that name an endpoint's path, and
below them nested list items with a checkbox. Only the character between the brackets of a wrong checkbox is ever
changed; a checkbox whose row is not certain stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.checklist.verdicts import Verdict
from conformance.report.text import clean_line

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


def format_check(check: PageCheck) -> list[str]:
    """Return what `openai-conformance docs` prints: wrong checkboxes both ways, then what could not be compared."""
    lines: list[str] = []
    for heading, ticked in (("Claimed but not there", True), ("There but not claimed", False)):
        lines += _format_group(heading, (_format(each) for each in check.wrong if each.checkbox.ticked is ticked))
    unranked = [result for result in check.results if result.verdict.rank is None]
    lines += _format_group("Could not be told, left as they are", map(_format, unranked))
    lines += _format_group(
        "Boxes without a row", (f"line {box.line}: {clean_line(box.wording)}" for box in check.without_row)
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
    return f"line {result.checkbox.line}: {result.checkbox.row}: {result.verdict}: {clean_line(result.reason)}"
