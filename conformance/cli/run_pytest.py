"""`openai-conformance run`: pytest with its own configuration and root, whatever lies in the caller's folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from conformance.runner.options import OPTIONS

WORKERS = "3"
"""Workers unless -n says otherwise: enough to keep a server with several slots busy on a small machine."""

PACKAGE = Path(__file__).parents[1]


class Command:
    """What the plugin tells the command of a run, as a plugin of that name."""

    status: int | None = None
    cannot_run: str = ""
    report: Path | None = None


def run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run pytest on the packaged modules; the exit status as documented."""
    if any(not argument.startswith("-") and _is_path(argument, rest) for argument in rest):
        paths = [argument for argument in rest if not argument.startswith("-") and _is_path(argument, rest)]
        print(f"openai-conformance: unexpected argument {paths[0]!r}; select rows with -k")  # noqa: T201
        return 2
    _isolate(os.environ)
    command = Command()
    status = pytest.main([*_own(rest), *_given(options), *rest], plugins=[_named(command)])
    if command.cannot_run:
        return 2
    # Its report was written, so the run knows better than pytest how it ended: 2 is -x there, and an interruption.
    if command.status is not None and status in (0, 1, 2, 5):
        return command.status
    return {0: 0, 1: 1, 2: 130, 3: 3, 4: 2, 5: 2}.get(int(status), 3)


def _is_path(argument: str, rest: Sequence[str]) -> bool:
    """Whether an argument stands alone, not as the value of the option before it."""
    before = rest[rest.index(argument) - 1] if rest.index(argument) else ""
    return not (before.startswith("-") and "=" not in before)


def _isolate(environ: Mapping[str, str] | os._Environ[str]) -> None:
    """Keep the caller's plugins and options out: a foreign plugin's `--base-url` alone would abort the start."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        if name in environ:
            del os.environ[name]


def _own(rest: Sequence[str]) -> list[str]:
    workers = [] if any(argument.startswith(("-n", "--numprocesses")) for argument in rest) else ["-n", WORKERS]
    loud = any(argument.startswith(("-v", "--verbos")) for argument in rest)
    return [
        "-c", str(PACKAGE / "runner" / "pytest.ini"), f"--rootdir={PACKAGE}", f"--confcutdir={PACKAGE}",
        "-p", "xdist.plugin", "-p", "conformance.runner.plugin", "-p", "no:cacheprovider",
        "-p", "no:junitxml",  # the name belongs to our own option, whose file merge and render write too
        *workers, *([] if loud else ["-q"]), *(str(file) for file in sorted(PACKAGE.glob("test_*.py"))),
    ]  # fmt: skip


def _given(options: argparse.Namespace) -> list[str]:
    """The options of the run, as pytest takes them again."""
    given: list[str] = []
    for option in OPTIONS:
        value = getattr(options, option.name)
        if value is True:
            given.append(option.flag)
        elif value is not None and value is not False:  # 0 is a value, too
            given.append(f"{option.flag}={value}")
    return given


def _named(command: Command) -> object:
    class Holder:
        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(self, config: pytest.Config) -> None:
            config.pluginmanager.register(command, "conformance-command")

    return Holder()
