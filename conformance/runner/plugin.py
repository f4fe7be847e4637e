"""The pytest glue: options, collection, workers, the end of a run.

The controller opens the target, tells the workers where it is, and judges at the end what only all answers together
can tell. Workers ask. Nothing here knows a server by its name, or what a row is about.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row
from conformance.errors import UsageError
from conformance.judge.catalog import load_catalog
from conformance.report.render.terminal import LETTERS, outcome_of, shown_verdict
from conformance.report.text import clean_line
from conformance.wire.client import ServerUnreachableError

from .controller import Controller
from .model_schedule import Turns
from .options import OPTIONS
from .worker import Run, Settings

Examine = Callable[[str], None]

_CONTROLLER = pytest.StashKey[Controller]()
_RUN = pytest.StashKey[Run]()
_TURNS = pytest.StashKey[Turns]()
_CANNOT_RUN = pytest.StashKey[str]()
"""Why nothing can be measured, and what to do."""


def rows_of(endpoint: str) -> list[Any]:
    """The rows of an endpoint as parameters of a test; rows that nobody can probe yet are only reported."""
    rows = (row for row in load_catalog().values() if row.endpoint == endpoint)
    return [pytest.param(row.id, id=row.id) for row in rows if row.probe or row.rule or row.derived_from]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options of a run.

    xdist starts its workers without the addopts that free the name `--junitxml`; they write no file.
    """
    group = parser.getgroup("openai-conformance")
    for option in OPTIONS:
        if option.name == "junitxml" and pluginmanager.has_plugin("junitxml"):
            continue
        group.addoption(
            option.flag, *option.aliases, dest=f"conformance_{option.name}", help=option.help, **option.settings
        )


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """A worker takes up its part in the run; the controller watches for errors of our own."""
    if not _is_worker(config):
        config.pluginmanager.register(OwnErrors(config))
    else:
        told: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]
        config.stash[_RUN] = Run(settings=Settings.of(told["conformance"]), worker=told["workerid"])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """The controller opens the target, before the workers are made."""
    config = session.config
    if _is_worker(config) or config.option.collectonly:
        return
    # On stderr and at once: opening may take long, and pytest's own reporter has not begun.
    controller = Controller(config.option, os.environ, _say(config))
    try:
        run = controller.open()
    except UsageError as error:
        controller.close()
        config.stash[_CANNOT_RUN] = str(error)
        raise pytest.UsageError from error
    except BaseException:  # Ctrl-C above all: nothing that was started may stay
        controller.close()
        raise
    config.stash[_CONTROLLER] = controller
    config.stash[_RUN] = run
    if getattr(config.option, "maxschedchunk", 0) is None:
        # Rows go to the workers one by one, so that all of them come to the next model at about the same time.
        config.option.maxschedchunk = 1


def _say(config: pytest.Config) -> Callable[[str], None]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def say(text: str) -> None:
        if reporter is not None:
            reporter.write_line(text)
            reporter._tw.flush()  # noqa: SLF001 - the reporter has no public flush

    return say


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """End with one line and 2 where nothing can be measured; pytest's own way would say it twice, or end with 4."""
    try:
        return (yield)
    except pytest.UsageError:
        why = config.stash.get(_CANNOT_RUN, "")
        if not why:
            raise
    sys.stderr.write(f"openai-conformance cannot run: {why}\n")
    command = config.pluginmanager.get_plugin("conformance-command")
    if command is not None:
        command.cannot_run = why
    return 2


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where the run is."""
    node.workerinput["conformance"] = node.config.stash[_RUN].settings.line()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Workers ask the rows of one model after the other; what all answers together tell is left to the controller."""
    if config.option.collectonly or _RUN not in config.stash:
        return
    run = config.stash[_RUN]
    order = {row: place for place, row in enumerate(load_catalog())}
    asked: list[tuple[Any, pytest.Item]] = []
    mine = run.asks(row for item in items if (row := _row(item)) is not None)
    for item in items:
        row = _row(item)
        if row is not None and (row.probe is None or row.id not in mine):
            continue  # judged by the controller at the end, or asked by another shard
        asked.append(((run.place(row), order[row.id]) if row else (0, 0), item))
    selected = {row.id: (item.nodeid, item.location) for item in items if (row := _row(item)) is not None}
    mark = run.folder / f"selected-{run.worker}.json"
    mark.write_text(json.dumps(selected), encoding="utf-8")
    items[:] = [item for _, item in sorted(asked, key=lambda pair: pair[0])]
    if _is_worker(config):
        config.stash[_TURNS] = Turns(run.folder, run.worker)  # before any worker begins to ask
    else:
        config.stash[_CONTROLLER].asked = len(items)


def _row(item: pytest.Item) -> Row | None:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return load_catalog().get(parameters.get("row", ""))


@pytest.fixture
def examine(request: pytest.FixtureRequest) -> Examine:
    """Examine a row, and end the item as its verdict stands to what is expected."""
    run = request.config.stash[_RUN]
    turns = request.config.stash.get(_TURNS, None)

    def examine_row(row: str) -> None:
        if turns is not None:
            turns.take(run.place(load_catalog()[row]))
        if run.gone:
            pytest.skip(f"untested: {run.gone}")
        try:
            finding = run.examine(load_catalog()[row])
        except ServerUnreachableError as gone:
            run.server_is_gone(f"{gone}, while {row} was asked")
            pytest.skip(f"untested: {run.gone}")
        request.node.user_properties.append(_verdict_property(finding))
        _end(run, finding)

    return examine_row


def _verdict_property(finding: Finding) -> tuple[str, object]:
    """What progress shows of a row; plain text, since it crosses process borders."""
    return "verdict", str(finding.verdict)


def _row_id(nodeid: str) -> str:
    """The row of a pytest item, by the item's id."""
    return nodeid.partition("[")[2].removesuffix("]")


def _end(run: Run, finding: Finding) -> None:
    outcome, reason = outcome_of(finding, run.expected(finding.row), required=run.settings.require_supported)
    if outcome == "skipped":
        pytest.skip(reason)
    if outcome == "xfailed":
        pytest.xfail(reason)
    if outcome == "failed":
        pytest.fail(reason, pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker that has nothing left to ask holds nobody up."""
    turns = session.config.stash.get(_TURNS, None)
    if turns is not None:
        turns.leave()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """After all items: the rows that only all answers together can tell."""
    controller = session.config.stash.get(_CONTROLLER, None)
    try:
        result = yield
    except BaseException as why:
        if controller is not None:
            controller.stop(why)
        raise
    finally:
        if controller is not None:
            _conclude(session, controller)
    return result


def _conclude(session: pytest.Session, controller: Controller) -> None:
    concluded = list(controller.conclude())
    session.testscollected += len(concluded)  # or progress would end beyond 100 %
    for finding, nodeid, location in concluded:
        for report in _reports(controller.run, finding, nodeid, location):
            session.config.hook.pytest_runtest_logreport(report=report)


def _reports(run: Run, finding: Finding, nodeid: str, location: Any) -> list[pytest.TestReport]:
    """The reports of a row that no worker ran, as pytest would have made them."""
    outcome, reason = outcome_of(finding, run.expected(finding.row), required=run.settings.require_supported)
    file, line, _ = location
    parts: dict[str, Any] = {"passed": ("passed", None), "failed": ("failed", reason)}
    skipped = (str(file), line, f"Skipped: {reason}")
    result, representation = parts.get(outcome, ("skipped", reason if outcome == "xfailed" else skipped))
    made = []
    for when in ("setup", "call", "teardown"):
        called = when == "call"
        report = pytest.TestReport(
            nodeid=nodeid,
            location=tuple(location),
            keywords={},
            outcome=result if called else "passed",
            longrepr=representation if called else None,
            when=when,
            user_properties=[_verdict_property(finding)],
        )
        if called and outcome == "xfailed":
            report.wasxfail = reason
        made.append(report)
    return made


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Progress by verdict: a letter each, and the word with -v."""
    verdict = dict(report.user_properties).get("verdict") if report.when == "call" else None
    if verdict is None:
        return None
    expected = hasattr(report, "wasxfail")
    category = "xfailed" if expected else report.outcome
    letter = "F" if report.failed else LETTERS[str(verdict)]
    return category, letter, shown_verdict(str(verdict), failed=report.failed)


class OwnErrors:
    """A plugin of the controller: what fails without a verdict, such as an item whose worker died, is our own error.

    Its row is untested, and the run cannot end as expected.
    """

    def __init__(self, config: pytest.Config) -> None:
        """`config`: it knows the controller."""
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """An item of our own failed."""
        if report.failed and "verdict" not in dict(report.user_properties):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module of our own cannot be read."""
        if report.failed:
            self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        controller = self._config.stash.get(_CONTROLLER, None)
        if controller is not None:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = clean_line(crash.message if crash else report.longreprtext, 300)
            controller.crashed[_row_id(report.nodeid) or report.nodeid] = why


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What matters first: disagreements and regressions, then where the report lies."""
    controller = config.stash.get(_CONTROLLER, None)
    if controller is not None:
        for line in controller.summary():
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the target, and tell the command line how it ended."""
    controller = config.stash.get(_CONTROLLER, None)
    if controller is None:
        return
    controller.close()
    command = config.pluginmanager.get_plugin("conformance-command")
    if command is not None:
        command.status = controller.status
        command.report = controller.written


def pytest_report_header(config: pytest.Config) -> str | None:
    """Where the run's folder is, for those who follow it."""
    run = config.stash.get(_RUN, None)
    return None if run is None else f"openai-conformance: exchanges in {Path(run.settings.folder)}"
