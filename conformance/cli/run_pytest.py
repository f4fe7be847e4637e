"""`openai-conformance run`: pytest with its own configuration and root, whatever lies in the caller's folder."""

from __future__ import annotations

import os
from collections.abc import MutableMapping, Sequence
from pathlib import Path

import pytest

DEFAULT_WORKERS = "3"
"""Workers unless -n says otherwise: enough to keep a server with several slots busy on a small machine."""

PACKAGE = Path(__file__).parents[1]
TEST_FILES = tuple(str(file) for file in sorted(PACKAGE.glob("test_*.py")))
"""The modules that hold the rows: all that a run ever gives to pytest."""

_STATUS = {0: 0, 1: 1, 2: 130, 3: 3, 4: 2, 5: 2}
"""pytest's exit status -> ours, where no report was written: interrupted, internal error, usage error, no items."""


class RunOutcome:
    """A plugin that learns how a run ended, and keeps it to the rows of this package."""

    def __init__(self) -> None:
        """Begin without an outcome."""
        self.status: int | None = None
        """The documented exit status; None where no report was written."""
        self.cannot_run = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Refuse paths, once pytest's own parser has told them from the values of options.

        Raises:
            UsageError: there is one.
        """
        for argument in config.args:
            if argument not in TEST_FILES:
                raise pytest.UsageError(f"unexpected argument {argument!r}; select rows with -k")

    def pytest_conformance_cannot_run(self) -> None:
        """Take note that nothing can be measured."""
        self.cannot_run = True

    def pytest_conformance_finished(self, status: int | None) -> None:
        """Take note of the exit status that the report calls for."""
        self.status = status


def run(arguments: Sequence[str]) -> int:
    """Run pytest on the packaged modules with the arguments of `openai-conformance run`, ours and pytest's own.

    Returns the exit status as documented.
    """
    _isolate(os.environ)
    outcome = RunOutcome()
    status = pytest.main([*_default_arguments(arguments), *arguments], plugins=[outcome])
    if outcome.cannot_run:
        return 2
    # Its report was written, so the run knows better than pytest how it ended: 2 is -x there, and an interruption.
    if outcome.status is not None and status in (0, 1, 2, 5):
        return outcome.status
    return _STATUS.get(int(status), 3)


def _isolate(environ: MutableMapping[str, str]) -> None:
    """Keep the caller's plugins and options out: a foreign plugin's `--base-url` alone would abort the start."""
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        environ.pop(name, None)


def _default_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that stand before the caller's, which override them; -v alone would only undo -q."""
    verbose = any(argument.startswith(("-v", "--verbos")) for argument in arguments)
    return [
        "-c", str(PACKAGE / "runner" / "pytest.ini"), f"--rootdir={PACKAGE}", f"--confcutdir={PACKAGE}",
        "--noconftest", "-p", "xdist.plugin", "-p", "conformance.runner.plugin", "-p", "no:cacheprovider",
        "-p", "no:junitxml",  # the name belongs to our own option, whose file merge writes too
        "-n", DEFAULT_WORKERS, *([] if verbose else ["-q"]), *TEST_FILES,
    ]  # fmt: skip
