"""The embedded server: its templates, its start, then the real thing."""

import base64
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import jinja2
import pytest

from conformance.targets.embedded import child, server
from conformance.targets.fixtures import models
from conformance.targets.fixtures.conversation import TOOL_CONVERSATION, WEATHER_TOOL


def quiet(_: str) -> None:
    pass


def test_importing_the_server_is_cheap():
    code = "import sys, conformance.targets.embedded.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"xllamacpp", "numpy", "gguf", "httpx", "openai"} & set(loaded)


def rendered(messages, tools=None, **more) -> str:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 (no HTML)
    template = environment.from_string(models.CHAT.jinja_template())
    return template.render(messages=messages, tools=tools, add_generation_prompt=True, **more)


def test_a_plain_chat_is_written_as_the_model_was_trained():
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo"},
        {"role": "user", "content": ""},
    ]
    default = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    turns = (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>user\n<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert rendered(messages) == default + turns
    assert rendered([{"role": "system", "content": "S"}, *messages]) == "<|im_start|>system\nS<|im_end|>\n" + turns


def test_a_developer_is_a_system_and_parts_are_text():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    text = rendered([{"role": "developer", "content": parts}, {"role": "user", "content": parts}])
    assert text.startswith("<|im_start|>system\nab<|im_end|>\n<|im_start|>user\nab<|im_end|>\n")


def test_tools_are_named_and_calls_are_written_to_be_copied():
    text = rendered(
        [{"role": "system", "content": "S"}, *TOOL_CONVERSATION, {"role": "tool", "content": "ZQ"}], [WEATHER_TOOL]
    )
    assert text.startswith("<|im_start|>system\nS\n\nTools: get_weather<|im_end|>\n<|im_start|>user\n")
    call = '<tool_call>\n{"name": "get_weather", "arguments": {"city":"Paris"}}\n</tool_call><|im_end|>\n'
    assert text.count(f"<|im_start|>assistant\n{call}") == 3
    assert text.endswith("<|im_start|>tool\nZQ<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("model", [models.CHAT, models.THINKING])
def test_go_templates_end_where_the_answer_begins(model):
    template = model.go_template()
    assert template.rstrip("\n").endswith("{{- end -}}")
    assert template.count("{{ if") + template.count("{{- if") > 5


def test_a_child_that_cannot_load_shows_the_end_of_its_log(tmp_path):
    settings = child.Settings(
        weights=str(tmp_path / "missing.gguf"),
        projector="",
        template="",
        chat_model="m",
        embedding_model="e",
        threads=1,
        parent=os.getpid(),
    )
    with pytest.raises(server.ServerStartError, match=r"missing\.gguf"):
        server.launch(settings, tmp_path / "logs")
    assert (tmp_path / "logs" / server.LOG_NAME).stat().st_size > 0


# From here on the real server, with the real weights.

embedded = pytest.mark.embedded


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with server.start(tmp_path_factory.mktemp("logs"), progress=quiet) as started:
        yield started
    assert not started.alive()


def chat(running, **body):
    body = {"model": running.chat_model, "temperature": 0, "max_tokens": 24} | body
    response = httpx.post(f"{running.base_url}/chat/completions", json=body, timeout=120, trust_env=False)
    assert response.status_code == 200, response.text
    return response.json()


def said(text, *more):
    return [{"role": "user", "content": [{"type": "text", "text": text}, *more] if more else text}]


@embedded
def test_it_starts_and_says_what_it_is(running):
    assert running.alive()
    for base_url, model in (
        (running.base_url, running.chat_model),
        (running.embedding_base_url, running.embedding_model),
    ):
        listed = httpx.get(f"{base_url}/models", trust_env=False).json()["data"]
        assert [entry["id"] for entry in listed] == [model]
    assert running.version[0] in "b0123456789"
    assert "listening on" in running.log.read_text()


@embedded
def test_it_serves_embeddings_that_do_not_depend_on_their_neighbours(running):
    def vectors(texts):
        body = {"model": running.embedding_model, "input": texts}
        response = httpx.post(f"{running.embedding_base_url}/embeddings", json=body, timeout=60, trust_env=False)
        return [entry["embedding"] for entry in response.json()["data"]]

    texts = ["short", "a longer text, about foxes and hens and the rain in autumn"]
    for together, alone in zip(vectors(texts), [vectors([text])[0] for text in texts], strict=True):
        assert len(alone) == 576
        assert sum(a * b for a, b in zip(together, alone, strict=True)) > 0.9999


@embedded
def test_it_calls_a_tool_with_a_new_argument(running):
    answer = chat(running, messages=list(TOOL_CONVERSATION), tools=[WEATHER_TOOL], max_tokens=64)
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "London"}
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


def png(colour) -> bytes:
    """Draw 32 by 32 pixels, each by `colour(x, y)`."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"".join(bytes(colour(x, y)) for x in range(32)) for y in range(32))
    head = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


CHECKS = png(lambda x, y: (255, 255, 255) if (x // 8 + y // 8) % 2 else (0, 0, 0))
STRIPES = png(lambda x, _: (255, 255, 0) if x % 4 < 2 else (0, 0, 90))


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


def data_url(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def seen(running, *pictures):
    answer = chat(running, messages=said("Describe the picture.", *pictures), logprobs=True)
    return answer["usage"]["prompt_tokens"], answer["choices"][0]["logprobs"]["content"]


@embedded
def test_images_reach_the_model(running):
    without, _ = seen(running)
    checks, stripes = seen(running, image(data_url(CHECKS))), seen(running, image(data_url(STRIPES)))
    assert checks[0] == stripes[0] == without + 16
    assert checks[1] != stripes[1]
    assert seen(running, image(data_url(CHECKS))) == checks


@embedded
def test_an_image_is_fetched_from_its_address(running):
    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CHECKS)))
            self.end_headers()
            self.wfile.write(CHECKS)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as pictures:
        threading.Thread(target=pictures.serve_forever, daemon=True).start()
        fetched = seen(running, image(f"http://127.0.0.1:{pictures.server_port}/checks.png"))
        pictures.shutdown()
    assert fetched == seen(running, image(data_url(CHECKS)))


@embedded
@pytest.mark.parametrize("sampling", [{"temperature": 0}, {"temperature": 1, "seed": 7}], ids=["greedy", "seeded"])
def test_four_requests_at_once_get_the_texts_each_got_alone(running, sampling):
    prompts = ["Name three colours.", "Write a haiku about rain.", "Explain gravity.", "List five animals."]

    def text(prompt):
        return chat(running, messages=said(prompt), **sampling)["choices"][0]["message"]["content"]

    alone = [text(prompt) for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(text, prompts)) == alone


@embedded
def test_it_dies_with_its_parent_in_the_middle_of_an_answer():
    code = (
        "import time; from conformance.targets.embedded.server import start;"
        "s = start(progress=lambda line: None); print(s.base_url, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        base_url = parent.stdout.readline().strip()
        body = {"messages": said("Tell me a story."), "max_tokens": 1500, "ignore_eos": True, "stream": True}
        with httpx.stream("POST", f"{base_url}/chat/completions", json=body, timeout=60, trust_env=False) as answer:
            next(answer.iter_raw())
            parent.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            while is_listening(base_url) and time.monotonic() < killed + 10:
                time.sleep(0.05)
            assert time.monotonic() - killed < 2


def is_listening(base_url: str) -> bool:
    url = httpx.URL(base_url)
    try:
        socket.create_connection((url.host, url.port), timeout=1).close()
    except OSError:
        return False
    return True


@embedded
def test_serve_prints_a_command_and_ends_at_ctrl_c():
    code = "from conformance.targets.embedded.server import serve; serve(say=lambda line: print(line, flush=True))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as serving:
        lines = []
        while not lines or "--embedding-model" not in lines[-1]:
            lines.append(serving.stdout.readline())
        base_url = "".join(lines).split("run --base-url ")[1].split()[0]
        assert is_listening(base_url)
        serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=10) == 0
    assert not is_listening(base_url)


def test_where_llama_cpp_is_not_installed_the_server_says_so_and_what_to_do(monkeypatch):
    monkeypatch.setattr("conformance.targets.embedded.server.find_spec", {}.get)
    with pytest.raises(server.ServerStartError, match=r"xllamacpp, which is not installed.*--base-url"):
        server.start(None, progress=print)
