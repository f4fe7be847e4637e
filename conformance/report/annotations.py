"""GitHub's annotations: a line of output that its runner takes for a command, and shows beside the commit.

Whatever a server answers is data there. The runner takes `::` at the beginning of a line (blanks before it do not
matter) for a command, and `##[` anywhere; its own escapes keep a line whole.
Source: "Workflow commands for GitHub Actions", and `ActionCommand` of the runner.
"""

from __future__ import annotations

from .compare import Change, Difference, printable

MOST = 10
"""GitHub shows no more errors of one step."""


def commands(difference: Difference) -> list[str]:
    """A line for each regression and each row whose evidence was lost; what is too much is counted in the last."""
    changes = [*difference.regressions, *difference.lost_evidence]
    shown = changes if len(changes) <= MOST else changes[: MOST - 1]
    lines = [_error(change.row, _what(change)) for change in shown]
    if len(shown) < len(changes):
        rest = len(changes) - len(shown)
        lines.append(_error("openai-conformance", f"{rest} more rows are worse than expected; see the report"))
    return lines


def _what(change: Change) -> str:
    return f"{change.old} -> {change.new}: {printable(change.reason)}"


def _error(title: str, text: str) -> str:
    return f"::error title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
