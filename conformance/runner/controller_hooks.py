"""The controller's part in pytest's and xdist's hooks, from the opened target to the end of the run."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from conformance.report.text import clean_line

from .controller import Controller
from .items import row_id, row_of
from .model_schedule import ModelSchedule
from .synthetic_reports import make_reports

_MAX_ERROR_CHARACTERS = 300


class ControllerHooks:
    """A plugin that is registered once the target is open. It exists in the controller only, not in workers."""

    def __init__(self, controller: Controller) -> None:
        """Serve this controller."""
        self._controller = controller
        self._workers = 0

    def pytest_report_header(self) -> str:
        """Say where the run's folder is, for those who follow it."""
        return f"openai-conformance: exchanges in {self._controller.worker.directory.path}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: Sequence[Any]) -> None:
        """Count the workers."""
        self._workers = len(specs)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where the run is."""
        node.workerinput["conformance"] = self._controller.worker.settings.to_json()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self) -> ModelSchedule:
        """Hand out rows model by model, whatever `--dist` says."""
        return ModelSchedule(workers=self._workers, stage_of=self._stage_of)

    def _stage_of(self, node_id: str) -> int:
        row = row_of(node_id)
        return 0 if row is None else self._controller.worker.stage(row)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of an item that fails without a verdict, such as one whose worker died: that is our own error."""
        if report.failed and "verdict" not in dict(report.user_properties):
            self._note_internal_error(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take note of a module that cannot be read."""
        if report.failed:
            self._note_internal_error(report)

    def _note_internal_error(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        crash = getattr(report.longrepr, "reprcrash", None)
        message = clean_line(crash.message if crash else report.longreprtext, _MAX_ERROR_CHARACTERS)
        self._controller.internal_errors[row_id(report.nodeid) or report.nodeid] = message

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """After all items: judge the rows that only all answers together can tell, and write the report."""
        try:
            result = yield
        except BaseException as error:
            self._controller.stop(error)
            self._controller.notify("stopping; the report is being written")
            raise
        finally:
            self._report_conclusions(session)
        return result

    def _report_conclusions(self, session: pytest.Session) -> None:
        conclusions = self._controller.conclude()
        session.testscollected += len(conclusions)  # the total of pytest's progress, which would end beyond 100 %
        for conclusion in conclusions:
            for report in make_reports(self._controller.worker, conclusion):
                session.config.hook.pytest_runtest_logreport(report=report)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print what matters first: disagreements and regressions, then where the report lies."""
        for line in self._controller.summary:
            terminalreporter.write_line(line.text)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Close the target, and tell how the run ended."""
        self._controller.close()
        config.hook.pytest_conformance_finished(status=self._controller.status, summary=self._controller.summary)
