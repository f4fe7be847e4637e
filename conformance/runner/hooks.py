"""pytest hooks of our own, through which a run tells whoever shows it how it goes, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.report.render.terminal import Line


class RunHooks:
    """The hooks' specifications; `conformance.runner.live` listens, and `conformance.cli.run_pytest`."""

    def pytest_conformance_progress(self, text: str) -> None:
        """Tell what is done before the first row; a `Step` says how far it is."""

    def pytest_conformance_selected(self, rows: Sequence[str]) -> None:
        """Tell which rows are about to be asked or judged."""

    def pytest_conformance_cannot_run(self, reason: str) -> None:
        """Tell that nothing can be measured, and why."""

    def pytest_conformance_finished(self, status: int | None, summary: Sequence[Line]) -> None:
        """Tell how the run ended.

        `status`: the documented exit status, None where there is no report. `summary`: the lines that end the run.
        """
