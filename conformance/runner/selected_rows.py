"""Which rows -k and -m select, found out before anything is started."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from conformance.errors import UsageError

from .items import find_selected

PACKAGE = Path(__file__).parents[1]
TEST_FILES = tuple(str(file) for file in sorted(PACKAGE.glob("test_*.py")))
"""The modules that hold the rows."""

_PLUGINS = ("terminal", "faulthandler", "unraisableexception", "threadexception", "cacheprovider", "junitxml")
"""Plugins of pytest that a collection inside of a run does not need, or that would undo what the run set up."""


class _Collected:
    """A plugin that takes note of the rows that were collected."""

    def __init__(self) -> None:
        self.rows: tuple[str, ...] = ()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.rows = tuple(find_selected(session.items))


def select_rows(keyword: str, markers: str) -> tuple[str, ...]:
    """Return the rows that pytest's -k and -m select.

    Raises:
        UsageError: they select none, or are no expressions.
    """
    collected = _Collected()
    arguments = [
        "-c", str(PACKAGE / "runner" / "pytest.ini"), f"--rootdir={PACKAGE}", f"--confcutdir={PACKAGE}",
        "--noconftest", "--capture=no", "--collect-only", "--disable-plugin-autoload",
        *(part for name in _PLUGINS for part in ("-p", f"no:{name}")), "-p", "conformance.runner.plugin",
        "-o", "addopts=", "-k", keyword, "-m", markers, *TEST_FILES,
    ]  # fmt: skip
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = pytest.main(arguments, plugins=[collected])
    options = " ".join(f"{name} {value!r}" for name, value in (("-k", keyword), ("-m", markers)) if value)
    if status == pytest.ExitCode.USAGE_ERROR:
        raise UsageError(f"{options}: {_read_fault(said.getvalue())}")
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise UsageError(f"{options} selects no row; openai-conformance list prints them all")
    return collected.rows


def _read_fault(said: str) -> str:
    """Return pytest's words about an expression, in one line."""
    lines = [line.removeprefix("ERROR:").strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "expression" in line), "pytest cannot read it")
