"""What all self-tests need of the process that they run in."""

import os
import signal

import pytest

from conformance.wire.sdk import remove_sdk_variables

from .browser_visits import browser, files, opened  # noqa: F401 - fixtures

remove_sdk_variables(os.environ)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A job in the background, as some CIs start theirs, ignores Ctrl-C, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of tests that ask every row of dozens of servers: CI runs them in a step of their own."""
    config.addinivalue_line("markers", "exhaustive: asks every row of dozens of servers, which takes minutes")
