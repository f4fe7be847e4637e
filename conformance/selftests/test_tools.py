"""The tools that run real servers: how one is started, waited for and stopped. Python's own stands in for them."""

import contextlib
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
if not TOOLS.is_dir():
    pytest.skip("tools/ is in a checkout only", allow_module_level=True)
sys.path.insert(0, str(TOOLS))

from servers import process, server  # noqa: E402

SERVES = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), {}).serve_forever()"
QUIET = "type('H', (http.server.SimpleHTTPRequestHandler,), {'log_message': lambda *_: None})"
FORKS = "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', *sys.argv[1:]]); child.wait()"


def load_other_server():
    loader = importlib.machinery.SourceFileLoader("other_server", str(TOOLS / "other-server"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("other_server", loader))
    loader.exec_module(module)
    return module


def start(tmp_path, *command, port):
    return process.serving(
        command, environ={}, log=tmp_path / "serve.log", ready=f"http://127.0.0.1:{port}/", seconds=3600
    )


def answers(port):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
        return response.status == 200
    return False


@pytest.mark.parametrize("as_child", [False, True])
def test_a_server_is_ready_inside_and_gone_after_with_its_children(tmp_path, as_child):
    port = process.find_free_port()
    script = SERVES.format(QUIET)
    command = [sys.executable, "-c", *([FORKS] if as_child else []), script, str(port)]
    with start(tmp_path, *command, port=port):
        assert answers(port)
    assert not answers(port)


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('no such model')"]
    with (
        pytest.raises(process.ToolError, match=r"(?s)ended with status 1 .*no such model"),
        start(tmp_path, *command, port=process.find_free_port()),
    ):
        pass


def test_a_server_that_never_answers_is_stopped(tmp_path):
    command = [sys.executable, "-c", "import signal; print('waiting', flush=True); signal.pause()"]
    ready = f"http://127.0.0.1:{process.find_free_port()}/"
    serving = process.serving(command, environ={}, log=tmp_path / "log", ready=ready, seconds=0.5)
    with pytest.raises(process.ToolError, match="does not answer"), serving:
        pass


def test_the_status_of_a_command_is_a_shells():
    environ = {"STATUS": "3"}
    assert process.run_command(["sh", "-c", "exit $STATUS"], environ) == 3
    assert process.run_command(["sh", "-c", "kill -9 $$"], environ) == 137
    with pytest.raises(process.ToolError, match="cannot run no-such-command-zz"):
        process.run_command(["no-such-command-zz"], environ)


def test_a_step_that_fails_ends_the_install():
    with pytest.raises(process.ToolError, match="making it: sh failed with status 4"):
        process.run_step("making it", ["sh", "-c", "exit 4"])


def test_a_server_is_installed_once_and_again_after_a_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_CONFORMANCE_CACHE", str(tmp_path))
    outcomes = [process.ToolError("no network"), None]
    homes = []

    def install(home):
        homes.append(home)
        if (outcome := outcomes.pop(0)) is not None:
            raise outcome

    other = server.OtherServer(name="toy", version="1.0", about="", install=install, serve=contextlib.nullcontext)
    with pytest.raises(process.ToolError):
        other.ensure_installed()
    other.ensure_installed()
    other.ensure_installed()
    assert homes == [tmp_path / "servers" / "toy-1.0"] * 2


def test_the_command_is_told_where_the_server_is_and_what_its_models_are():
    address = server.Address(base_url="http://host/v1", model="chat", embedding_model="embeds", key="sk-1")
    options = ["--model", "chat", "--embedding-model", "embeds"]
    assert load_other_server().fill_in(["run", "{}", "-n", "2"], address) == ["run", *options, "-n", "2"]
    assert address.environ == {"OPENAI_BASE_URL": "http://host/v1", "OPENAI_API_KEY": "sk-1"}


@pytest.mark.parametrize("name", ["ollama-server", "other-server"])
def test_the_tools_say_what_they_take(name):
    environ = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, TOOLS / name, "--help"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    assert f"tools/{name}" in done.stdout
