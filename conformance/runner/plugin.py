"""The pytest plugin: options, the start of a process, collection, and what becomes of a row.

The controller opens the target; what else is its part is in `controller_hooks`. Workers ask, or the controller itself
where there are none. Nothing here knows a server by its name, or what a row is about.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest

from conformance.errors import UsageError
from conformance.judge.catalog import load_catalog
from conformance.report.render.terminal import LETTERS, shown_verdict
from conformance.wire.client import ServerUnreachableError
from conformance.wire.sdk import remove_sdk_variables

from .controller import Controller
from .controller_hooks import ControllerHooks
from .hooks import RunHooks
from .items import DOCUMENTED, Examine, end_item, find_selected, finding_properties, markers_of, order_items
from .options import OPTIONS
from .selected_rows import select_rows
from .worker import RunSettings, Worker

_WORKER = pytest.StashKey[Worker]()
_CANNOT_RUN = pytest.StashKey[str]()
"""Why nothing can be measured, and what to do."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks that tell how a run ended."""
    pluginmanager.add_hookspecs(RunHooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run.

    Where addopts take pytest's plugin `junitxml` away, and in xdist's workers, its option is there before ours. Then
    the controller reads that one.
    """
    group = parser.getgroup("openai-conformance")
    for option in OPTIONS:
        names = (option.flag, *option.aliases)
        try:
            group.addoption(*names, dest=f"conformance_{option.name}", help=option.help, **option.settings)
        except argparse.ArgumentError:
            if option.name != "junitxml":
                raise


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the process, whichever it is; a worker takes up its part in the run."""
    for marker in sorted({name for row in load_catalog().values() for name in markers_of(row)}):
        words = (
            "boxes of Ollama's documentation"
            if marker == DOCUMENTED
            else f"rows whose id has `{marker}` as its first or second part"
        )
        config.addinivalue_line("markers", f"{marker}: {words}")
    remove_sdk_variables(os.environ)
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is not None:
        settings = RunSettings.from_json(worker_input["conformance"])
        config.stash[_WORKER] = Worker(settings, name=worker_input["workerid"])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the target in the controller, before the workers are made.

    Raises:
        UsageError: nothing can be measured.
    """
    config = session.config
    if _WORKER in config.stash or config.option.collectonly:
        return
    controller = Controller(config.option, os.environ, _notifier(config))
    try:
        rows = select_rows(config.option.keyword, config.option.markexpr)
        worker = controller.open(rows)
    except UsageError as error:
        controller.close()
        config.stash[_CANNOT_RUN] = str(error)
        raise pytest.UsageError from error
    except BaseException:  # Ctrl-C above all: nothing that was started may stay
        controller.close()
        raise
    config.stash[_WORKER] = worker
    config.pluginmanager.register(ControllerHooks(controller))
    catalog = load_catalog()
    assigned = worker.assigned_rows(catalog[row] for row in rows)
    config.hook.pytest_conformance_selected(rows=[row for row in rows if row in assigned])


def _notifier(config: pytest.Config) -> Callable[[str], None]:
    """Return what shows a line at once: opening may take long, and pytest's own reporter has not begun."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def notify(text: str) -> None:
        config.hook.pytest_conformance_progress(text=text)
        if reporter is not None:
            reporter.write_line(text)
            config.get_terminal_writer().flush()

    return notify


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """End with one line and 2 where nothing can be measured; pytest's own way would say it twice, or end with 4."""
    try:
        return (yield)
    except pytest.UsageError:
        reason = config.stash.get(_CANNOT_RUN, "")
        if not reason:
            raise
    config.hook.pytest_conformance_cannot_run(reason=reason)
    sys.stderr.write(f"openai-conformance cannot run: {reason}\n")
    return 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the items that are asked, in their order; what all answers together tell is left to the controller."""
    if config.option.collectonly or _WORKER not in config.stash:
        return
    worker = config.stash[_WORKER]
    worker.directory.write_selected(find_selected(items))
    items[:] = order_items(items, worker)


@pytest.fixture
def examine(request: pytest.FixtureRequest) -> Examine:
    """Return what examines a row, and ends the item as its verdict compares with what is expected."""
    worker = request.config.stash[_WORKER]

    def examine_row(row: str) -> None:
        if worker.directory.abort_reason:
            pytest.skip(f"untested: {worker.directory.abort_reason}")
        try:
            finding = worker.examine(load_catalog()[row])
        except ServerUnreachableError as error:
            worker.directory.abort(f"{error}, noticed while {row} was asked")
            pytest.skip(f"untested: {worker.directory.abort_reason}")
        request.node.user_properties += finding_properties(finding)
        end_item(worker, finding)

    return examine_row


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Show progress by verdict: a letter each, and the word with -v."""
    verdict = dict(report.user_properties).get("verdict") if report.when == "call" else None
    if verdict is None:
        return None
    category = "xfailed" if hasattr(report, "wasxfail") else report.outcome
    letter = "F" if report.failed else LETTERS[str(verdict)]
    return category, letter, shown_verdict(str(verdict), failed=report.failed)
