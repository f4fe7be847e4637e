"""Plain `pytest` in a checkout does the work of `openai-conformance run`."""

pytest_plugins = ["conformance.runner.plugin"]
