"""Runs on a miniature Ollama that has room for one model: what is loaded when, and what stops a run."""

import os
import subprocess
import sys

import pytest

from conformance.report.files import read_report
from conformance.selftests.ollamas import FakeOllama
from conformance.selftests.servers import listening
from conformance.selftests.servers.behaviours import Dies

ABLE = {
    "chatty:latest": ["completion"],
    "handy:latest": ["completion", "tools"],
    "seeing:latest": ["completion", "vision"],
    "vectors:latest": ["embedding"],
}
"""Four models, of one size: the first by name that can is taken."""

ROWS = "fields/user or fields/stop or image/base64 or tools/function or embeddings/fields"
"""Rows of each of them."""


def ollama(**options):
    server = FakeOllama(**options)
    server.models = {name: {"capabilities": able} for name, able in ABLE.items()}
    return server


def run(url, folder, *options):
    """Run the command; its exit status, its output, and its report where it wrote one."""
    command = [sys.executable, "-m", "conformance", "run", "--base-url", url, "-k", ROWS, *options]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OLLAMA_"))}
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    reports = list(folder.rglob("report.json"))
    return ended.returncode, ended.stdout + ended.stderr, read_report(reports[0]) if reports else None


@pytest.mark.parametrize("workers", ["0", "3"])
def test_rows_go_from_model_to_model_and_never_back(tmp_path, workers):
    server = ollama(load_seconds=0.05)
    with listening(server) as url:
        status, output, report = run(url, tmp_path, "-n", workers)
    assert status == 0, output
    assert {row["model"] for row in report["rows"]} == {*ABLE, None}
    # Each once to see that it answers, then each once for its rows.
    warmed = server.loaded[: len(ABLE)]
    assert sorted(warmed) == sorted(ABLE)
    assert sorted(server.loaded[len(ABLE) :]) == sorted(ABLE), server.loaded


def test_a_server_that_stops_in_the_middle_ends_the_run_without_verdicts(tmp_path):
    with listening(Dies(left=60, inner=ollama())) as url:
        status, output, report = run(url, tmp_path, "-n", "2")
    assert status == 2
    assert report["complete"] is False
    assert len(report["notes"]) == 1
    assert report["notes"][0].startswith("the run ended early: ")
    assert "takes no connections any more" in report["notes"][0]
    assert "takes no connections any more" in output.splitlines()[-1]
    assert "broken" not in report["counts"]
    assert report["counts"]["untested"] > 0


def test_an_ollama_without_models_cannot_be_asked(tmp_path):
    server = FakeOllama()
    server.models = {}
    with listening(server) as url:
        status, output, report = run(url, tmp_path)
    assert (status, report) == (2, None)
    assert "`ollama pull smollm2:135m`, or --prepare" in output
    assert "Traceback" not in output


def test_a_named_server_that_is_not_there_is_never_replaced(tmp_path):
    with listening(ollama()) as url:
        pass
    status, output, report = run(url, tmp_path)
    assert (status, report) == (2, None)
    assert f"cannot reach {url.removesuffix('/v1')}" in output
    assert "Traceback" not in output
