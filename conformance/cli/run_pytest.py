"""`openai-conformance run`: pytest with its own configuration and root, whatever lies in the caller's folder."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Generator, MutableMapping, Sequence

import pytest

from conformance.runner.live import LiveReporter
from conformance.runner.options import OPTIONS
from conformance.runner.selected_rows import PACKAGE, TEST_FILES

DEFAULT_WORKERS = "3"
"""Workers unless -n says otherwise: enough to keep a server with several slots busy on a small machine."""

_STATUS = {0: 0, 1: 1, 2: 130, 3: 3, 4: 2, 5: 2}
"""pytest's exit status -> ours, where no report was written: interrupted, internal error, usage error, no items."""


class RunOutcome:
    """A plugin that learns how a run ended, and keeps it to the rows of this package."""

    def __init__(self) -> None:
        """Begin without an outcome."""
        self.status: int | None = None
        """The documented exit status; None where no report was written."""
        self.cannot_run = False
        self.fault = ""
        """What is wrong with the options; empty where nothing is."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Refuse paths, once pytest's own parser has told them from the values of options.

        Raises:
            UsageError: there is one.
        """
        for argument in config.args:
            if argument not in TEST_FILES:
                self.fault = f"unexpected argument {argument!r}; select rows with -k"
                raise pytest.UsageError

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_parse(self) -> Generator[None, pytest.Config, pytest.Config]:
        """Take note of what pytest cannot read; its own words would go on with a usage and paths of ours."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self.fault = describe_fault(str(error))
            raise pytest.UsageError from error

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
    outcome, reporter = RunOutcome(), LiveReporter()
    try:
        status = pytest.main([*_default_arguments(), *arguments], plugins=[outcome, reporter])
    finally:
        reporter.close()
    if outcome.fault:
        sys.stderr.write(f"openai-conformance run: {outcome.fault}\n")
    if outcome.cannot_run or outcome.fault:
        return 2
    if outcome.status is None and status == pytest.ExitCode.INTERRUPTED:
        sys.stderr.write("openai-conformance: interrupted before the first row; no report was written\n")
    # Its report was written, so the run knows better than pytest how it ended: 2 is -x there, and an interruption.
    if outcome.status is not None and status in (0, 1, 2, 5):
        return outcome.status
    return _STATUS.get(int(status), 3)


def describe_fault(said: str) -> str:
    """Return what pytest says of the command line as one sentence: which option, and what to do."""
    lines = said.strip().splitlines()
    fault = next((line.partition("error: ")[2] for line in lines if "error: " in line), "")
    if not fault:
        return "pytest cannot read these options; see openai-conformance run --help"
    unknown = fault.partition("unrecognized arguments: ")[2].split()
    if not unknown:
        option, _, words = fault.removeprefix("argument ").partition(": ")
        value = words.partition(" value: ")[2]
        return f"{option}: it cannot be {value}" if value else f"{fault}; see openai-conformance run --help"
    known = [name for option in OPTIONS for name in (option.flag, *option.aliases)]
    close = difflib.get_close_matches(unknown[0].partition("=")[0], known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else "see openai-conformance run --help, and pytest --help"
    return f"unknown option {unknown[0]}; {hint}"


def _isolate(environ: MutableMapping[str, str]) -> None:
    """Keep the caller's plugins and options out: a foreign plugin's `--base-url` alone would abort the start."""
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        environ.pop(name, None)


def _default_arguments() -> list[str]:
    """Return the arguments that stand before the caller's, which override them."""
    return [
        "-c", str(PACKAGE / "runner" / "pytest.ini"), f"--rootdir={PACKAGE}", f"--confcutdir={PACKAGE}",
        "--noconftest", "-p", "xdist.plugin", "-p", "conformance.runner.plugin", "-p", "no:cacheprovider",
        "-p", "no:junitxml",  # the name belongs to our own option, whose file merge writes too
        "-n", DEFAULT_WORKERS, *TEST_FILES,
    ]  # fmt: skip
