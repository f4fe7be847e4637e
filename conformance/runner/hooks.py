"""pytest hooks of our own, through which a run tells the program that started it how it ended."""

from __future__ import annotations


class RunHooks:
    """The hooks' specifications; see `conformance.cli.run_pytest` for the program that listens."""

    def pytest_conformance_cannot_run(self) -> None:
        """Tell that nothing can be measured; called after the reason was printed."""

    def pytest_conformance_finished(self, status: int | None) -> None:
        """Tell how the run ended. `status`: the documented exit status, None where there is no report."""
